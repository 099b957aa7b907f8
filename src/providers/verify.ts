import { Problem } from "../errors.ts";
import type { Clock, Fetch } from "../ports.ts";
import type { ProviderKind } from "../schema/ai-provider.ts";
import { type AdminRequest, adminRequests, bearer, type SendAdminRequest, urlOf } from "./admin/admin-request.ts";
import { googleAccessToken, parseServiceAccount } from "./gemini/google-access-token.ts";
import { litellmRoot } from "./litellm/litellm-root.ts";
import { providerTitles } from "./provider-titles.ts";

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

/** Asks the provider, by a read that costs nothing, whether it accepts the key. Default timeout: 5 s a call. */
export async function verifyMasterKey(
  provider: VerifiableProvider,
  deps: { fetch: Fetch; clock?: Clock; timeoutMs?: number },
): Promise<Verification> {
  const { kind, key, credentials } = provider;
  const asking = { fetch: deps.fetch, timeoutMs: deps.timeoutMs ?? 5000 };
  const send = adminRequests({ ...asking, title: providerTitles[kind], secrets: [key] });
  const verification = await verifyKey(send, provider);
  if (verification.outcome !== "verified" || kind !== "gemini" || credentials === undefined) return verification;
  return await verifyCredentials(asking, credentials, deps.clock ?? { now: () => Date.now() });
}

async function verifyKey(send: SendAdminRequest, provider: VerifiableProvider): Promise<Verification> {
  const request = harmlessRead(provider);
  if (!request)
    return { outcome: "unreachable", message: `${providerTitles[provider.kind]} has no address without a base URL` };
  const response = await send({ method: "GET", ...request });
  if (response.outcome === "ok") return { outcome: "verified" };
  if (response.outcome === "failed") return { outcome: "unreachable", message: response.reason };
  const { status, reason } = response;
  // Google says 400 to a key that it does not know, and nothing else about this request could be wrong.
  const aboutTheKey = status === 401 || status === 403 || (provider.kind === "gemini" && status === 400);
  return aboutTheKey
    ? { outcome: "refused", message: reason }
    : { outcome: "unreachable", message: `${providerTitles[provider.kind]} did not answer about it: ${reason}` };
}

function harmlessRead({ kind, baseUrl, key }: VerifiableProvider): Pick<AdminRequest, "url" | "headers"> | undefined {
  switch (kind) {
    case "anthropic": {
      // An admin key is refused by the API that ordinary keys are for, and the other way round.
      const path = key.startsWith("sk-ant-admin") ? "/v1/organizations/me" : "/v1/models?limit=1";
      return {
        url: urlOf(baseUrl ?? "https://api.anthropic.com", path),
        headers: { "x-api-key": key, "anthropic-version": "2023-06-01" },
      };
    }
    case "openai": {
      const path = key.startsWith("sk-admin-") ? "/organization/projects?limit=1" : "/models";
      return { url: urlOf(baseUrl ?? "https://api.openai.com/v1", path), headers: bearer(key) };
    }
    case "openrouter":
      // Its list of models is public, and so proves nothing.
      return { url: urlOf(baseUrl ?? "https://openrouter.ai/api/v1", "/key"), headers: bearer(key) };
    case "gemini":
      return {
        url: urlOf(baseUrl ?? "https://generativelanguage.googleapis.com", "/v1beta/models?pageSize=1"),
        headers: { "x-goog-api-key": key },
      };
    case "litellm":
      return baseUrl === undefined ? undefined : { url: `${litellmRoot(baseUrl)}/v1/models`, headers: bearer(key) };
    case "custom":
      return baseUrl === undefined ? undefined : { url: urlOf(baseUrl, "/models"), headers: bearer(key) };
  }
}

async function verifyCredentials(
  asking: { fetch: Fetch; timeoutMs: number },
  credentials: string,
  clock: Clock,
): Promise<Verification> {
  try {
    const account = parseServiceAccount(credentials);
    const send = adminRequests({ ...asking, title: "Google", secrets: [account.private_key] });
    await googleAccessToken(send, account, clock);
    return { outcome: "verified" };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const message = error.message.replace(/\.$/, "");
    return { outcome: error.code === "provider_unreachable" ? "unreachable" : "refused", message };
  }
}
