import type { UsageGroup, UsageRow } from "../../src/ports.ts";

/** The columns of `usage` that add up, by what an entry calls them. */
const sums = {
  requests: "requests",
  input_tokens: "inputTokens",
  output_tokens: "outputTokens",
  cache_read_tokens: "cacheReadTokens",
  cache_write_tokens: "cacheWriteTokens",
  tokens: "tokens",
  estimated_tokens: "estimatedTokens",
  web_searches: "webSearches",
  micro_usd: "microUsd",
  unpriced_requests: "unpricedRequests",
} as const satisfies Record<string, keyof UsageRow>;

/** The fields of an entry, in the order of `usageColumns`. */
export const usageFields = Object.values(sums);
export const usageColumns: readonly string[] = Object.keys(sums);

function amountsOf(amounts: readonly number[]): Omit<UsageGroup, "key"> {
  const named: Record<string, number> = {};
  for (const [at, field] of usageFields.entries()) named[field] = amounts[at]!;
  return named as unknown as Omit<UsageGroup, "key">;
}

/** A row of a `SELECT` of day, model and `usageColumns`. */
export const usageRow = ([day, model, ...amounts]: [day: string, model: string, ...number[]]): UsageRow => ({
  day,
  model,
  ...amountsOf(amounts),
});

/** A row of a `SELECT` of a key and the sum of each of `usageColumns`. */
export const usageGroup = ([key, ...amounts]: [key: string, ...number[]]): UsageGroup => ({
  key,
  ...amountsOf(amounts),
});
