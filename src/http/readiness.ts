import { Problem } from "../errors.ts";
import type { Context } from "../service/context.ts";
import { checkHost } from "../service/gateways/count-others.ts";
import { createSecretsCheck } from "../service/secrets/unopenable-secrets.ts";

/** The state behind `/readyz`. */
export interface Readiness {
  /** @returns what `/readyz` says. @throws Problem of what keeps the service from being ready */
  status(): Promise<"ready" | "draining">;
  /** Refused from here on, until `isOver` says that nothing is under way any more that others had begun. */
  hold(isOver: () => Promise<boolean>): void;
  /** Asks that once more. */
  release(): Promise<boolean>;
  drain(): void;
}

/**
 * Ready unless `hold` or `drain` says otherwise, a store cannot be used, or the seal key does not open what is stored.
 */
export function createReadiness(context: Context): Readiness {
  const checkSecrets = createSecretsCheck(context);
  let isSettled: (() => Promise<boolean>) | undefined;
  let draining = false;
  return {
    async status() {
      if (draining) return "draining";
      if (isSettled) throw new Problem("not_ready", "Changes that were interrupted are being settled.");
      await Promise.all([checkPorts(context), checkSecrets()]);
      return "ready";
    },
    hold(isOver) {
      isSettled = isOver;
    },
    async release() {
      if (isSettled && !(await isSettled())) return false;
      isSettled = undefined;
      return true;
    },
    drain() {
      draining = true;
    },
  };
}

/** @throws Problem of the first port that cannot work */
async function checkPorts(context: Context): Promise<void> {
  const { records, ledger, audit } = context;
  await Promise.all([records.check?.(), ledger.check(), audit.check(), checkHost(context)]);
}
