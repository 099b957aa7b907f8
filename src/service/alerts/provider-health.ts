import { isFresh } from "../../domain/is-fresh.ts";
import { wait } from "../../domain/retry.ts";
import type { AiProviderRecord } from "../../schema/ai-provider.ts";
import { aiProviderFailures, aiProviderIncident, aiProviderLastFailure } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import { closeIncident, openIncident } from "./incidents.ts";

const windowMs = 300_000;
/** Failures in a row, within the window. */
const failuresToTell = 5;
/** How often a provider that works is looked up for an incident that another process opened. */
const lookMs = 60_000;
/** Failures are counted together for so long: of a provider that is away there are many. */
const gatherMs = 100;

/** Failures of the last hour are counted; there is no limit to them. */
export const failureRule = { limit: 1_000_000_000, windowMs: 3_600_000 };

interface Seen {
  /** Times of the failures since it last worked. */
  failures: number[];
  /** An incident of it is open, as far as this process knows. */
  isFailing: boolean;
  lookedAt: number;
  uncounted: number;
}

export interface ProviderHealth {
  /** It answered as it should. */
  works(provider: AiProviderRecord): void;
  /** It could not be reached, broke off, or answered 5xx: `code`. */
  fails(provider: AiProviderRecord, code: string): void;
  /** It refused the operator's own key. */
  refusesKey(provider: AiProviderRecord, status: number): void;
}

const about = ({ id, name, provider }: AiProviderRecord) => ({ aiProviderId: id, name, provider });

function inBackground(context: Context, work: () => Promise<void>): void {
  const failed = (cause: unknown) => context.log("error", "a provider's health could not be stored", { cause });
  context.background(work().catch(failed));
}

/** No call will find that a revoked one works again. Its revocation waits for nothing here. */
export function endFailing(context: Context, provider: AiProviderRecord): void {
  const alert = { type: "provider.recovered", data: { ...about(provider), detail: "it was revoked" } } as const;
  inBackground(context, () => closeIncident(context, aiProviderIncident(provider.id), alert));
}

/** How the AI providers do, as metered calls show it. None of these waits or throws. */
export function createProviderHealth(context: Context): ProviderHealth {
  const { clock, ledger } = context;
  const seen = new Map<string, Seen>();

  function seenOf({ id }: AiProviderRecord): Seen {
    let one = seen.get(id);
    if (one === undefined) {
      one = { failures: [], isFailing: false, lookedAt: Number.NEGATIVE_INFINITY, uncounted: 0 };
      seen.set(id, one);
    }
    return one;
  }

  function count(provider: AiProviderRecord, one: Seen, code: string): void {
    const isFirst = one.uncounted++ === 0;
    if (!isFirst) return;
    const at = new Date(clock.now()).toISOString();
    inBackground(context, async () => {
      await wait(gatherMs);
      const failures = one.uncounted;
      one.uncounted = 0;
      await ledger.take(aiProviderFailures(provider.id), failureRule, failures);
      await ledger.put(aiProviderLastFailure(provider.id), JSON.stringify({ at, code }));
    });
  }

  function open(provider: AiProviderRecord, one: Seen, detail: string): void {
    const now = clock.now();
    // Another process may have closed it meanwhile.
    if (one.isFailing && isFresh(one.lookedAt, now, lookMs)) return;
    one.isFailing = true;
    one.lookedAt = now;
    const alert = { type: "provider.failing", data: about(provider) } as const;
    inBackground(context, async () => {
      // Calls that were under way when it was revoked open nothing, which nobody would close.
      const isRevoked = async () => (await context.records.get("ai-providers", provider.id))?.revokedAt !== undefined;
      if (await isRevoked()) return;
      await openIncident(context, aiProviderIncident(provider.id), alert, detail);
      if (await isRevoked()) endFailing(context, provider);
    });
  }

  return {
    works(provider) {
      const one = seenOf(provider);
      if (one.failures.length > 0) one.failures = [];
      const now = clock.now();
      if (!one.isFailing && isFresh(one.lookedAt, now, lookMs)) return;
      one.isFailing = false;
      one.lookedAt = now;
      const alert = { type: "provider.recovered", data: about(provider) } as const;
      inBackground(context, () => closeIncident(context, aiProviderIncident(provider.id), alert));
    },

    fails(provider, code) {
      const one = seenOf(provider);
      const now = clock.now();
      count(provider, one, code);
      one.failures = [...one.failures.filter((at) => isFresh(at, now, windowMs)), now].slice(-failuresToTell);
      if (one.failures.length >= failuresToTell)
        open(provider, one, `${failuresToTell} calls in a row failed, the last with ${code}`);
    },

    refusesKey(provider, status) {
      const one = seenOf(provider);
      count(provider, one, String(status));
      open(
        provider,
        one,
        `HTTP ${status}: it refuses the operator's key; "provisioning ai-providers rotate ${provider.id}"`,
      );
    },
  };
}
