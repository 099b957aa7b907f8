import type { UsageRow } from "../../../src/ports.ts";

/** The words of the fields in `usage:<shard>`. */
export const usageFields = {
  requests: "requests",
  input: "inputTokens",
  output: "outputTokens",
  tokens: "tokens",
  estimated: "estimatedTokens",
  cacheRead: "cacheReadTokens",
  cacheWrite: "cacheWriteTokens",
  searches: "webSearches",
  microUsd: "microUsd",
  unpriced: "unpricedRequests",
} as const satisfies Record<string, keyof UsageRow>;
export type UsageAmounts = Record<(typeof usageFields)[keyof typeof usageFields], number>;
export const noAmounts = Object.fromEntries(Object.values(usageFields).map((name) => [name, 0])) as UsageAmounts;

/** False for a field of a later release. */
export const isUsageField = (what: string): what is keyof typeof usageFields => Object.hasOwn(usageFields, what);

/** The rows of one name, by day and model, from the hash of its shard. */
export function usageRows(name: string, fields: Record<string, string>): UsageRow[] {
  const rows = new Map<string, UsageRow>();
  for (const [field, amount] of Object.entries(fields)) {
    const [owner, day = "", what = "", ...rest] = field.split(" ");
    if (owner !== name || !isUsageField(what)) continue;
    const model = rest.join(" ");
    const row = rows.get(`${day} ${model}`) ?? { day, model, ...noAmounts };
    row[usageFields[what]] = Number(amount);
    rows.set(`${day} ${model}`, row);
  }
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}
