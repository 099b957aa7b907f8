import { factsOf, type ProviderKind } from "../domain/provider-facts.ts";
import { Problem } from "../errors.ts";
import type { Clock, Fetch } from "../ports.ts";
import { adminRequests } from "./admin/admin-request.ts";
import { providers } from "./registry.ts";

/** A provider as it is about to be stored. */
export interface VerifiableProvider {
  kind: ProviderKind;
  baseUrl?: string | undefined;
  key: string;
  /** Gemini: a service account's JSON key file; checked as well where it is given. */
  credentials?: string | undefined;
}

/** `message` is a clause without a full stop, and without any key. */
export type Verification =
  | { outcome: "verified" }
  /** The provider's clear no. */
  | { outcome: "refused"; message: string }
  /** Nothing is known of the key: no response, or none that says so. */
  | { outcome: "unreachable"; message: string };

type Deps = { fetch: Fetch; clock?: Clock; timeoutMs?: number };

/** Asks the provider, by a read that costs nothing, whether it accepts the key. Default timeout: 5 s a call. */
export async function verifyMasterKey(provider: VerifiableProvider, deps: Deps): Promise<Verification> {
  const verification = await verifyKey(provider, deps);
  if (verification.outcome !== "verified" || provider.credentials === undefined) return verification;
  return await verifyCredentials(provider.kind, provider.credentials, deps);
}

async function verifyKey(
  { kind, baseUrl, key }: VerifiableProvider,
  { fetch, timeoutMs = 5000 }: Deps,
): Promise<Verification> {
  const { title } = factsOf(kind);
  const { read, refusals = [] } = providers[kind].verify;
  const request = read({ baseUrl, key });
  if (!request) return { outcome: "unreachable", message: `${title} has no address without a base URL` };
  const send = adminRequests({ fetch, timeoutMs, title, secrets: [key] });
  const response = await send({ method: "GET", ...request });
  if (response.outcome === "ok") return { outcome: "verified" };
  if (response.outcome === "failed") return { outcome: "unreachable", message: response.reason };
  const { status, reason } = response;
  return [401, 403, ...refusals].includes(status)
    ? { outcome: "refused", message: reason }
    : { outcome: "unreachable", message: `${title} did not answer about it: ${reason}` };
}

async function verifyCredentials(
  kind: ProviderKind,
  given: string,
  { fetch, timeoutMs = 5000, clock = { now: () => Date.now() } }: Deps,
): Promise<Verification> {
  const { credentials } = providers[kind].verify;
  if (!credentials) return { outcome: "verified" };
  try {
    const { title } = credentials;
    const send = adminRequests({ fetch, timeoutMs, title, secrets: credentials.secrets(given) });
    await credentials.check(send, given, clock);
    return { outcome: "verified" };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const message = error.message.replace(/\.$/, "");
    return { outcome: error.code === "provider_unreachable" ? "unreachable" : "refused", message };
  }
}
