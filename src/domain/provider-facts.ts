/**
 * The facts about an AI provider that every layer may know: its names, its address, the looks of its keys. Log
 * scrubbing, help texts, schemas and the OpenClaw plugin derive from them. The code that speaks to the provider is in
 * `providers/<kind>/`.
 */
export interface ProviderFacts {
  /** As people call it. */
  title: string;
  /** The public base, in the form that its own SDK takes; absent: the operator gives one. */
  baseUrl?: string;
  /** The end of its SDK's base URL below an address of ours. */
  proxySuffix?: string;
  /** The provider whose API its clients speak. */
  speaks: "anthropic" | "gemini" | "openai";
  /** The prefix before a key's secret part: letters, digits and hyphens. */
  keyPrefixes?: readonly string[];
  /** The names of models are their makers' own, and not chosen by whoever runs the server. */
  hasMakersModels?: boolean;
  /** A minted key can be held to a budget in USD. */
  holdsBudgets?: boolean;
  /** Absent: OpenClaw speaks to it as to any server of OpenAI's shape, and a model has to be named. */
  openClaw?: {
    api: "anthropic-messages" | "openai-completions" | "google-generative-ai";
    /** The suffix that OpenClaw wants behind the address that the provider's own SDK takes. */
    suffix?: string;
    /** OpenClaw's default model is another provider's, and would be called with another's key. */
    defaultModel: string;
    /** OpenClaw's prefix before the names of its models, besides the provider's own name. */
    prefix?: string;
    /** It has models whose names begin with its own: `openrouter/auto`. */
    hasOwnNamedModels?: boolean;
  };
}

/** Built-in providers, as operators name them; `custom`: any other server, which speaks OpenAI's shape. */
export const providerFacts = {
  anthropic: {
    title: "Anthropic",
    baseUrl: "https://api.anthropic.com",
    speaks: "anthropic",
    keyPrefixes: ["sk-ant-"],
    hasMakersModels: true,
    openClaw: { api: "anthropic-messages", defaultModel: "claude-sonnet-4-5" },
  },
  openai: {
    title: "OpenAI",
    baseUrl: "https://api.openai.com/v1",
    proxySuffix: "/v1",
    speaks: "openai",
    keyPrefixes: ["sk-proj-", "sk-admin-", "sk-svcacct-"],
    hasMakersModels: true,
    openClaw: { api: "openai-completions", defaultModel: "gpt-5.1" },
  },
  openrouter: {
    title: "OpenRouter",
    baseUrl: "https://openrouter.ai/api/v1",
    proxySuffix: "/api/v1",
    speaks: "openai",
    keyPrefixes: ["sk-or-"],
    hasMakersModels: true,
    holdsBudgets: true,
    openClaw: { api: "openai-completions", defaultModel: "openrouter/auto", hasOwnNamedModels: true },
  },
  gemini: {
    title: "Gemini",
    baseUrl: "https://generativelanguage.googleapis.com",
    speaks: "gemini",
    keyPrefixes: ["AIza"],
    hasMakersModels: true,
    openClaw: {
      api: "google-generative-ai",
      suffix: "/v1beta",
      defaultModel: "gemini-2.5-flash",
      prefix: "google",
    },
  },
  litellm: { title: "LiteLLM", speaks: "openai", holdsBudgets: true },
  custom: { title: "The AI provider", speaks: "openai" },
} as const satisfies Record<string, ProviderFacts>;

export type ProviderKind = keyof typeof providerFacts;

export const providerKinds = Object.keys(providerFacts) as [ProviderKind, ...ProviderKind[]];

/** Own names alone: `constructor` is no kind. */
export const isProviderKind = (name: string): name is ProviderKind => Object.hasOwn(providerFacts, name);

/** The facts of a kind that is known to be one. */
export const factsOf = (kind: ProviderKind): ProviderFacts => providerFacts[kind];

/** Those of which something is so, by title: `OpenRouter and LiteLLM`. */
export const titlesWhere = (is: (facts: ProviderFacts) => boolean, word: "and" | "or"): string =>
  providerKinds
    .map(factsOf)
    .filter(is)
    .map(({ title }) => title)
    .join(` ${word} `);

/** Every prefix of a provider's key, the longest first. */
export const keyPrefixes: readonly string[] = providerKinds
  .flatMap((kind) => factsOf(kind).keyPrefixes ?? [])
  .sort((a, b) => b.length - a.length);
