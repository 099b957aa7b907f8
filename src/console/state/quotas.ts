import type { QuotaName } from "../../domain/quota-names.ts";
import type { QuotaState, QuotaStates } from "../../schema/quota.ts";
import { exact, short, usd } from "./format.ts";

/** How much of it is used or reserved: 0 to 1, and above where a report went over a reservation. */
const shareOf = ({ limit, used, reserved }: QuotaState): number => (limit === 0 ? 1 : (used + reserved) / limit);

/** The quota that is the nearest to its limit. */
export function tightest(states: QuotaStates | undefined): { name: QuotaName; state: QuotaState } | undefined {
  const entries = Object.entries(states ?? {}) as [QuotaName, QuotaState][];
  const [first] = entries.sort(([, a], [, b]) => shareOf(b) - shareOf(a));
  return first && { name: first[0], state: first[1] };
}

/** Money is money, and tokens are many. */
export const shortOf = (name: string): ((value: number) => string) => (name.includes("Usd") ? usd : short);
export const exactOf = (name: string): ((value: number) => string) => (name.includes("Usd") ? usd : exact);
