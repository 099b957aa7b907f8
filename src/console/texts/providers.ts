import { factsOf, type ProviderKind } from "../../domain/provider-facts.ts";

const providerTitles: { [kind in ProviderKind]?: string } = {
  gemini: "Google Gemini",
  custom: "Anything that speaks OpenAI's API",
};

export const providersTexts = {
  providers: {
    title: "AI providers",
    make: "Add provider",
    none: "No AI providers yet",
    noneHint: "Keep a provider's master key here, sealed. Agents get keys of their own, which the proxy meters.",
    name: "Name",
    kind: "Provider",
    key: "Key",
    keyHint: "It is sealed at once, and never shown again.",
    status: "Status",
    agents: "Agents",
    failures: (count: string) => `${count} failed in the last hour:`,
    added: "Added",
    rotate: "Replace key",
    rotateAsk: "Agents keep their own keys and notice nothing.",
    revoke: "Revoke",
    revokeAsk: "Every AI key that it pays for is refused from now on.",
    cutsOff: (count: number) => `${count} ${count === 1 ? "agent" : "agents"} will be cut off.`,
    slug: "Its name in addresses",
    slugHint: "Lower case, as in my-llm",
    baseUrl: "Base URL",
    baseUrlHint: "Empty: the provider's own.",
    verify: "Ask the provider whether it accepts the key",
    go: "Add provider",
    replaced: "The key is replaced.",
    verified: {
      verified: "The provider accepts the key.",
      skipped: "The key was not tried.",
      unreachable: "The provider could not be asked.",
    } as Record<string, string>,
    quotas: "Default quotas of each of its AI keys",
    kindTitle: (kind: ProviderKind): string => providerTitles[kind] ?? factsOf(kind).title,
    revoked: (name: string) => `${name} is revoked.`,
  },
};
