import { keyHint } from "../../domain/key-hint.ts";
import type { Problem } from "../../errors.ts";
import type { Quotas } from "../../schema/quota.ts";
import type { AdminResponse } from "./admin-request.ts";

/** The mark by which a minted key is found at its provider, whether or not the answer to its creation arrived. */
export interface KeyMark {
  operationId: string;
  agentId: string;
}

interface MintRequest extends KeyMark {
  /** The agent's name, shown where the provider has a place for it. */
  name: string;
  quotas: Quotas;
  /** ISO 8601. */
  expiresAt?: string | undefined;
  /** Only where `mintRefusal` allows it. */
  budgetUsdPerMonth?: number | undefined;
}

interface MintedKey {
  /** The provider's name of the key, by which it is revoked. Not a secret. */
  remoteId: string;
  secret: string;
  /** Enough to recognise the secret by. */
  hint: string;
}

export interface Minter {
  /**
   * A failure leaves no key behind; where that cannot be made sure of, `leftoverKey` tells from the error what is
   * to be revoked later.
   *
   * @throws Problem `provider_refused`, `provider_unreachable`, `mode_not_supported`
   */
  mint(request: MintRequest): Promise<MintedKey>;
  /**
   * Resolves when no such key is there any more.
   *
   * @returns whether that is for good: by its name a key is found only once its creation has taken effect
   * @throws Problem `provider_refused`, `provider_unreachable`
   */
  revoke(remoteId: string): Promise<boolean>;
}

/** The abilities of one provider's management API. `minterOver` makes them safe. */
export interface KeyApi {
  /** `keyName` is the mark under which `removeNamed` finds the key. */
  create(request: MintRequest & { keyName: string }): Promise<Attempt>;
  remove(remoteId: string): Promise<void>;
  /** How many keys of that name there were. */
  removeNamed(keyName: string): Promise<number>;
}

export type Attempt = { outcome: "minted"; key: MintedKey } | { outcome: "failed"; problem: Problem; left: Left };

/** The remains of a failed creation. `unknown`: there may be a key of that name, now or in a moment. */
export type Left = "nothing" | "unknown" | { remoteId: string };

/** An attempt that gave a key, with the hint by which people recognise it. */
export const minted = (remoteId: string, secret: string): Attempt => ({
  outcome: "minted",
  key: { remoteId, secret, hint: keyHint(secret) },
});

/** An attempt that gave no key, with what may be left of it at the provider. */
export const failed = (problem: Problem, left: Left): Attempt => ({ outcome: "failed", problem, left });

/** The remains where the answer to the creation itself was not the one hoped for. */
export const failedBy = (response: Exclude<AdminResponse, { outcome: "ok" }>): Attempt =>
  failed(response.problem, response.outcome === "failed" && response.effect === "unknown" ? "unknown" : "nothing");
