import { factsOf, titlesWhere } from "../domain/provider-facts.ts";
import { type Quotas, quotaNames } from "../schema/quota.ts";
import { type MintMeans, virtualInstead } from "./provider.ts";
import { providers } from "./registry.ts";

/** The way to a budget in USD, in words for the caller. */
export const budgetsAre = `with the mode "minted" a key of ${titlesWhere(({ holdsBudgets }) => holdsBudgets === true, "or")} can be held to one`;

/**
 * Why such a key cannot be minted, and what can be done about it; `undefined` where it can.
 * @param means.defaultQuotas what every key of this AI provider is held to, beside its own quotas
 */
export function mintRefusal(
  means: MintMeans & { defaultQuotas?: Quotas | undefined },
  quotas: Quotas,
  other: { expiresAt?: string | undefined; budgetUsdPerMonth?: number | undefined } = {},
): string | undefined {
  const { title, holdsBudgets } = factsOf(means.kind);
  const { enforces, lacks, noExpiry } = providers[means.kind].mint;
  // First: the mode that would help otherwise does not help here.
  if (other.budgetUsdPerMonth !== undefined && !holdsBudgets) {
    return `${title} cannot hold a key to budgetUsdPerMonth; ${budgetsAre}.`;
  }
  const lacking = lacks(means);
  if (lacking !== undefined) return lacking;
  const { defaultQuotas = {} } = means;
  const beyond = quotaNames
    .filter((name) => !enforces.includes(name))
    .filter((name) => quotas[name] !== undefined || defaultQuotas[name] !== undefined)
    .map((name) => (defaultQuotas[name] === undefined ? name : `${name} (a default of this AI provider)`));
  if (beyond.length > 0) {
    return `${title} cannot hold a key to ${beyond.join(", ")}; ${virtualInstead}, in which every quota is enforced.`;
  }
  return other.expiresAt === undefined ? undefined : noExpiry;
}
