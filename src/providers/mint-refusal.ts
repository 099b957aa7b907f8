import type { ProviderKind } from "../schema/ai-provider.ts";
import { type QuotaName, type Quotas, quotaNames } from "../schema/quota.ts";
import { providerTitles } from "./provider-titles.ts";

/** As much of an AI provider as can be told without opening its secrets. */
export interface MintMeans {
  kind: ProviderKind;
  baseUrl?: string | undefined;
  project?: string | undefined;
  hasCredentials?: boolean | undefined;
  /** The master key's hint, by which one of the wrong sort is told early. */
  hint?: string | undefined;
  /** What every key of it is held to, beside its own quotas. */
  defaultQuotas?: Quotas | undefined;
}

const enforceable: Record<ProviderKind, readonly QuotaName[]> = {
  anthropic: [],
  openai: [],
  openrouter: [],
  gemini: [],
  litellm: ["maxRequestsPerMinute"],
  custom: [],
};

const holdingBudgets: readonly ProviderKind[] = ["openrouter", "litellm"];
/** Where a budget in USD can be had, in words for the caller. */
export const budgetsAre = 'with the mode "minted" a key of OpenRouter or LiteLLM can be held to one';

const instead = 'use the mode "virtual"';

/** Why such a key cannot be minted, and what can be done about it; `undefined` where it can. */
export function mintRefusal(
  means: MintMeans,
  quotas: Quotas,
  other: { expiresAt?: string | undefined; budgetUsdPerMonth?: number | undefined } = {},
): string | undefined {
  const title = providerTitles[means.kind];
  // First: the mode that would help otherwise does not help here.
  if (other.budgetUsdPerMonth !== undefined && !holdingBudgets.includes(means.kind)) {
    return `${title} cannot hold a key to budgetUsdPerMonth; ${budgetsAre}.`;
  }
  const lacking = cannotMint(means);
  if (lacking !== undefined) return lacking;
  const { defaultQuotas = {} } = means;
  const beyond = quotaNames
    .filter((name) => !enforceable[means.kind].includes(name))
    .filter((name) => quotas[name] !== undefined || defaultQuotas[name] !== undefined)
    .map((name) => (defaultQuotas[name] === undefined ? name : `${name} (a default of this AI provider)`));
  if (beyond.length > 0) {
    return `${title} cannot hold a key to ${beyond.join(", ")}; ${instead}, in which every quota is enforced.`;
  }
  if (means.kind === "gemini" && other.expiresAt !== undefined) {
    return `Google's API keys do not expire; ${instead}, or leave expiresAt out.`;
  }
  return undefined;
}

function cannotMint({ kind, baseUrl, project, hasCredentials, hint }: MintMeans): string | undefined {
  switch (kind) {
    case "anthropic":
      return `Anthropic has no API that creates keys; ${instead}, which gives the agent a key of its own through the metering proxy.`;
    case "custom":
      return `A provider of your own has no API for minting keys; ${instead}.`;
    case "openai":
      if (project === undefined) {
        return `OpenAI mints keys in a project, with an admin key (sk-admin-...): add the provider with --project, or ${instead}.`;
      }
      // Behind another base URL a key may look like anything.
      if (baseUrl === undefined && hint !== undefined && !hint.startsWith("sk-admin-")) {
        return `OpenAI mints keys with an admin key (sk-admin-...) only, and this provider's is ${hint}: add one, or ${instead}.`;
      }
      return undefined;
    case "gemini":
      if (project === undefined || !hasCredentials) {
        return `Google mints keys with a service account, in a Cloud project: add the provider with --credentials FILE and --project, or ${instead}.`;
      }
      return undefined;
    case "litellm":
      return baseUrl === undefined ? `LiteLLM needs its --base-url to mint keys; or ${instead}.` : undefined;
    case "openrouter":
      return undefined;
  }
}
