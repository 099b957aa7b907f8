import { wait } from "../domain/retry.ts";
import type { Clock, Fetch } from "../ports.ts";
import { adminRequests } from "./admin/admin-request.ts";
import type { Minter } from "./admin/key-api.ts";
import { minterOver } from "./admin/minter-over.ts";
import type { MintingProvider } from "./provider.ts";
import { providers } from "./registry.ts";

/** The runtime's parts that minting uses; tests put their own time in. */
export interface MintingDeps {
  fetch: Fetch;
  clock: Clock;
  sleep?: (ms: number) => Promise<void>;
  /** The bound of one call to the provider; a minting is several. Default 10 s. */
  timeoutMs?: number;
  /** The origin of Google's API Keys API. Default: the service account's own universe. */
  googleKeysOrigin?: string;
}

/**
 * @returns `undefined` where that provider cannot mint, or lacks what it takes (`mintRefusal` says which)
 * @throws Problem `provider_settings` for credentials or a project that cannot be used
 */
export function minterFor(provider: MintingProvider, deps: MintingDeps): Minter | undefined {
  const { fetch, clock, sleep = wait, timeoutMs = 10_000, googleKeysOrigin } = deps;
  const send = (title: string, secrets: string[]) => adminRequests({ fetch, title, timeoutMs, secrets });
  const api = providers[provider.kind].mint.keys?.(provider, { send, clock, sleep, googleKeysOrigin });
  return api && minterOver(api);
}
