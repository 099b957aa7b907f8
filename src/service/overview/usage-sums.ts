import { fromMicroUsd } from "../../domain/micro-usd.ts";
import type { UsageSums } from "../../ports.ts";

const countedFields = [
  "requests",
  "inputTokens",
  "cacheReadTokens",
  "cacheWriteTokens",
  "outputTokens",
  "tokens",
  "microUsd",
  "unpricedRequests",
] as const satisfies readonly (keyof UsageSums)[];

export type CountedUse = Pick<UsageSums, (typeof countedFields)[number]>;

/** Sums of nothing, to be added to. */
export const noUse = (): CountedUse =>
  Object.fromEntries(countedFields.map((name) => [name, 0])) as unknown as CountedUse;

/** Adds in place. */
export function addUse(into: CountedUse, use: CountedUse): void {
  for (const name of countedFields) into[name] += use[name];
}

/** As it is shown: money in USD. */
export const shownUse = ({ microUsd, ...use }: CountedUse) => ({
  requests: use.requests,
  inputTokens: use.inputTokens,
  cacheReadTokens: use.cacheReadTokens,
  cacheWriteTokens: use.cacheWriteTokens,
  outputTokens: use.outputTokens,
  tokens: use.tokens,
  usd: fromMicroUsd(microUsd),
  unpricedRequests: use.unpricedRequests,
});

/** The same in fewer figures. */
export const shownSpending = (use: CountedUse) => {
  const { requests, tokens, usd, unpricedRequests } = shownUse(use);
  return { requests, tokens, usd, unpricedRequests };
};
