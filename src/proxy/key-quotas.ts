import { limitsTokens, limitsUsd, type QuotaCharge, quotaCharges, stricterQuotas } from "../domain/quota.ts";
import type { QuotaLimits } from "../domain/quota-rules.ts";
import type { AiKeyState } from "../schema/ai-key.ts";

/** A key's limits and counters, as they are for one minute. */
export interface KeyQuotas {
  limits: QuotaLimits;
  /** Whether any of them is held in tokens. */
  inTokens: boolean;
  /** Whether any of them is held in money. */
  inUsd: boolean;
  /** The counters to which a request that costs tokens is charged. */
  charges: readonly QuotaCharge[];
}

interface Remembered extends KeyQuotas {
  defaults: QuotaLimits | undefined;
  /** No period of a quota is shorter. */
  minute: number;
}

const remembered = new WeakMap<AiKeyState, Remembered>();

/** The same object for the same state, defaults and minute: most of a key's requests find it there. */
export function keyQuotas(state: AiKeyState, defaults: QuotaLimits | undefined, now: number): KeyQuotas {
  const minute = Math.floor(now / 60_000);
  const before = remembered.get(state);
  if (before?.minute === minute && before.defaults === defaults) return before;
  const limits = stricterQuotas(defaults ?? {}, state.quotas);
  const quotas: Remembered = {
    limits,
    inTokens: limitsTokens(limits),
    inUsd: limitsUsd(limits),
    charges: quotaCharges(limits, now),
    defaults,
    minute,
  };
  remembered.set(state, quotas);
  return quotas;
}
