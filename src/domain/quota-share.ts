import type { QuotaName } from "./quota-rules.ts";

/** Amounts of one quota, in one unit. */
interface QuotaUse {
  limit: number;
  used: number;
  reserved: number;
}

/** How much of a quota is used or reserved: 0 to 1, and above where a provider's report went over a reservation. */
export const quotaShare = ({ limit, used, reserved }: QuotaUse): number =>
  limit === 0 ? 1 : (used + reserved) / limit;

/** The quota that is the nearest to its limit. */
export function tightestQuota<State extends QuotaUse>(
  states: { [name in QuotaName]?: State | undefined } = {},
): { name: QuotaName; state: State } | undefined {
  const entries = Object.entries(states) as [QuotaName, State][];
  const [first] = entries.sort(([, a], [, b]) => quotaShare(b) - quotaShare(a));
  return first && { name: first[0], state: first[1] };
}

/** An overview's bound of the quotas that are near their limit. */
export const mostNearShown = 10;
