import type { Clock, Fetch } from "../ports.ts";
import type { ProviderKind } from "../schema/ai-provider.ts";
import { adminRequests } from "./admin/admin-request.ts";
import type { KeyApi, Minter } from "./admin/key-api.ts";
import { minterOver } from "./admin/minter-over.ts";
import { parseServiceAccount } from "./gemini/google-access-token.ts";
import { geminiKeys } from "./gemini/keys.ts";
import { litellmKeys } from "./litellm/keys.ts";
import { openaiKeys } from "./openai/keys.ts";
import { openrouterKeys } from "./openrouter/keys.ts";
import { providerTitles } from "./provider-titles.ts";

export type { KeyMark, MintedKey, Minter, MintRequest } from "./admin/key-api.ts";
export { type LeftoverKey, leftoverKey, remoteIdOfMark } from "./admin/minter-over.ts";
export { type MintMeans, mintRefusal } from "./mint-refusal.ts";

export interface MintingProvider {
  kind: ProviderKind;
  baseUrl?: string | undefined;
  project?: string | undefined;
  masterKey: string;
  /** Gemini: a service account's JSON key file. */
  credentials?: string | undefined;
}

export interface MintingDeps {
  fetch: Fetch;
  clock: Clock;
  sleep?: (ms: number) => Promise<void>;
  /** For one call to the provider; a minting is several. Default 10 s. */
  timeoutMs?: number;
  /** Where Google's API Keys API is. Default: the service account's own universe. */
  googleKeysOrigin?: string;
}

/**
 * @returns `undefined` where that provider cannot mint, or lacks what it takes (`mintRefusal` says which)
 * @throws Problem `provider_settings` for credentials or a project that cannot be used
 */
export function minterFor(provider: MintingProvider, deps: MintingDeps): Minter | undefined {
  const api = keyApi(provider, deps);
  return api && minterOver(api);
}

function keyApi(provider: MintingProvider, deps: MintingDeps): KeyApi | undefined {
  const { kind, baseUrl, project, masterKey, credentials } = provider;
  const { clock, sleep = wait } = deps;
  const asking = (title: string, secrets: string[]) =>
    adminRequests({ fetch: deps.fetch, title, timeoutMs: deps.timeoutMs ?? 10_000, secrets });
  const send = asking(providerTitles[kind], [masterKey]);
  switch (kind) {
    case "openai":
      return project === undefined ? undefined : openaiKeys(send, { baseUrl, project, adminKey: masterKey, clock });
    case "openrouter":
      return openrouterKeys(send, { baseUrl, managementKey: masterKey });
    case "litellm":
      return baseUrl === undefined ? undefined : litellmKeys(send, { baseUrl, masterKey, clock });
    case "gemini": {
      if (credentials === undefined || project === undefined) return undefined;
      const account = parseServiceAccount(credentials);
      const google = asking("Google", [masterKey, account.private_key]);
      return geminiKeys(google, { account, project, origin: deps.googleKeysOrigin, clock, sleep });
    }
    case "anthropic":
    case "custom":
      return undefined;
  }
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
