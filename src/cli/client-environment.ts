import { factsOf, isProviderKind, providerKinds } from "../domain/provider-facts.ts";

/** Clients whose environment `--print-env` writes. */
export const clientNames = ["claude-code", "codex", "gemini-cli", "opencode", "openai", "anthropic"] as const;
export type ClientName = (typeof clientNames)[number];

interface AgentKey {
  provider: string;
  baseUrl: string;
  key: string;
}
interface Client {
  /** AI providers whose API it speaks; `custom`: any that is not known by name, which has OpenAI's shape. */
  speaks: readonly string[];
  /** Lines for a POSIX shell. */
  lines(key: AgentKey): string[];
}

const openAiShaped = providerKinds.filter((kind) => factsOf(kind).speaks === "openai");

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
const exported = (variables: Record<string, string>) =>
  Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`);

/** Codex takes no address from its environment: options of its own go before those of its user. */
function codexLines({ provider, baseUrl, key }: AgentKey): string[] {
  const settings = [
    "model_provider=agent",
    `model_providers.agent={name="${provider}",base_url="${baseUrl}",env_key="OPENCLAW_AI_KEY"}`,
  ];
  const options = settings.map((setting) => `-c ${quoted(setting)}`).join(" ");
  return [...exported({ OPENCLAW_AI_KEY: key }), `codex() { command codex ${options} "$@"; }`];
}

/** opencode's name of the provider, and the end that its SDK expects of the base URL. */
const openCodeProviders: Record<string, { id: string; path: string }> = {
  anthropic: { id: "anthropic", path: "/v1" },
  gemini: { id: "google", path: "/v1beta" },
  openai: { id: "openai", path: "" },
  openrouter: { id: "openrouter", path: "" },
};

function openCodeLines({ provider, baseUrl, key }: AgentKey): string[] {
  const { id, path } = openCodeProviders[provider] ?? { id: provider, path: "" };
  const options = { baseURL: `${baseUrl}${path}`, apiKey: key };
  const sdk = provider in openCodeProviders ? {} : { npm: "@ai-sdk/openai-compatible" };
  return exported({
    OPENCODE_CONFIG_CONTENT: JSON.stringify({ provider: { [id]: { ...sdk, options } } }),
    OPENCODE_DISABLE_AUTOUPDATE: "true",
    OPENCODE_DISABLE_MODELS_FETCH: "true",
  });
}

const geminiSettings = JSON.stringify({ security: { auth: { selectedType: "gemini-api-key" } } });

const clients: Record<ClientName, Client> = {
  "claude-code": {
    speaks: ["anthropic"],
    lines: ({ baseUrl, key }) =>
      exported({
        ANTHROPIC_BASE_URL: baseUrl,
        ANTHROPIC_AUTH_TOKEN: key,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      }),
  },
  codex: { speaks: openAiShaped, lines: codexLines },
  "gemini-cli": {
    speaks: ["gemini"],
    lines: ({ baseUrl, key }) => [
      ...exported({ GOOGLE_GEMINI_BASE_URL: baseUrl, GEMINI_API_KEY: key }),
      // With an address in its environment it wants its kind of key chosen, and that only a file tells.
      `[ -e ~/.gemini/settings.json ] || { mkdir -p ~/.gemini && echo '${geminiSettings}' > ~/.gemini/settings.json; }`,
    ],
  },
  opencode: { speaks: ["anthropic", "gemini", ...openAiShaped], lines: openCodeLines },
  openai: {
    speaks: openAiShaped,
    lines: ({ baseUrl, key }) => exported({ OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: key }),
  },
  anthropic: {
    speaks: ["anthropic"],
    lines: ({ baseUrl, key }) => exported({ ANTHROPIC_BASE_URL: baseUrl, ANTHROPIC_API_KEY: key }),
  },
};

/** Why the client cannot use a key of that provider. */
export function clientMismatch(client: ClientName, provider: string): string | undefined {
  const { speaks } = clients[client];
  if (speaks.includes(isProviderKind(provider) ? provider : "custom")) return undefined;
  return `${client} speaks to ${speaks.join(", ")} only, not to ${provider}`;
}

/**
 * Lines for a POSIX shell, to be taken in by `eval`: variables of that client, and the file that it needs where
 * variables do not do.
 */
export const environmentOf = (client: ClientName, key: AgentKey) => clients[client].lines(key);
