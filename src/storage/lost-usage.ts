import { periodOf } from "../domain/quota.ts";
import type { HeldAmount, LedgerName, UsageEntry } from "../ports.ts";
import { aiKeyLedger, aiKeyOfName, isCarried } from "./ledger-names.ts";

/** Stands in the usage table in place of a model's name: nobody knows it any more, and no model can have it. */
const lostModel = "(lost)";

const dayLength = "2026-11-22".length;

/**
 * The usage of a reservation that nobody comes back to settle, by estimate, on the day that is charged. `undefined`
 * where it holds no tokens, or what is in a former key's usage.
 * @param held what it holds of each counter
 */
export function lostUsage(id: LedgerName, held: readonly HeldAmount[], now: number): UsageEntry | undefined {
  const keyId = aiKeyOfName(id)?.keyId;
  if (keyId === undefined || isCarried(id)) return undefined;
  const names = aiKeyLedger(keyId);
  const amountOf = (name: LedgerName) => held.find(({ counter }) => counter === name)?.amount ?? 0;
  const [tokens, microUsd] = [amountOf(names.tokens), amountOf(names.usd)];
  if (tokens === 0) return undefined;
  return {
    name: names.usage,
    day: held.flatMap(({ periods }) => periods).find((period) => period.length === dayLength) ?? periodOf("day", now),
    model: lostModel,
    requests: Math.max(1, amountOf(names.requests)),
    ...{ inputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: tokens, tokens },
    ...{ webSearches: 0, microUsd, unpricedRequests: 0 },
    estimate: {
      tokens: { counter: names.tokens, amount: tokens },
      ...(microUsd > 0 && { microUsd: { counter: names.usd, amount: microUsd } }),
    },
  };
}
