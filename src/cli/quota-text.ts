import { dollars } from "../domain/micro-usd.ts";
import { quotaRules } from "../domain/quota-rules.ts";
import { type QuotaName, type QuotaStates, type Quotas, quotaNames } from "../schema/quota.ts";
import { grouped, shortTime } from "./output.ts";

/** An amount of money has dollars and cents at least. */
export const quotaAmount = (name: QuotaName, value: number): string =>
  quotaRules[name].counter === "usd" ? dollars(value) : grouped(value);

/** `maxTokensPerMonth 1,000,000, maxRequestsPerDay 100`; `undefined` without a limit. */
export function describeQuotas(quotas: Quotas | undefined): string | undefined {
  const parts = quotaNames.flatMap((name) => {
    const limit = quotas?.[name];
    return limit === undefined ? [] : [`${name} ${quotaAmount(name, limit)}`];
  });
  return parts.length === 0 ? undefined : parts.join(", ");
}

/** `20 USD a month`, which the provider itself holds a minted key to. */
export const describeBudget = (usd: number | undefined): string | undefined =>
  usd === undefined ? undefined : `${usd} USD a month`;

export const quotaHeader = ["QUOTA", "LIMIT", "USED", "RESERVED", "LEFT", "RESETS"] as const;

/** A row for each quota that is set, under `quotaHeader`. */
export const quotaRows = (quotas: QuotaStates): string[][] =>
  quotaNames.flatMap((name) => {
    const state = quotas[name];
    if (state === undefined) return [];
    const { limit, used, reserved, left, resetAt } = state;
    const amounts = [limit, used, reserved, left].map((value) => quotaAmount(name, value));
    return [[name, ...amounts, shortTime(resetAt) ?? ""]];
  });
