import { hasEnded } from "../../domain/has-ended.ts";
import { proxyBasePath } from "../../domain/proxy-path.ts";
import { stricterQuotas } from "../../domain/quota.ts";
import { issueToken } from "../../domain/token.ts";
import { Problem } from "../../errors.ts";
import type { Credential } from "../../ports.ts";
import { budgetsAre } from "../../providers/mint-refusal.ts";
import type { AiKeyRecord, AiKeyState, AutoProvisionAiKey } from "../../schema/ai-key.ts";
import type { AiProviderRecord } from "../../schema/ai-provider.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { seal } from "../secrets/vault.ts";
import { addAiKey } from "../state/ai-key-state.ts";
import { type Minting, mintKey, requireMintable } from "./minting.ts";

export interface NewAiKey {
  record: AiKeyRecord;
  credential: Credential;
}

/** The address to which an agent of this provider sends its requests when its key is one of ours. */
export const meteredBaseUrl = (context: Context, provider: Pick<AiProviderRecord, "kind" | "provider">): string =>
  context.settings.provisioning.publicUrl + proxyBasePath(provider.kind, provider.provider);

/** All of a credential but its key: a virtual one works through the proxy alone. */
export const keylessCredential = (
  context: Context,
  provider: AiProviderRecord,
  mode: AiKeyRecord["mode"],
): Omit<Credential, "apiKey"> => {
  const metered = mode === "virtual";
  const baseUrl = metered ? meteredBaseUrl(context, provider) : provider.baseUrl;
  return { provider: provider.provider, baseUrl, metered };
};

/** @throws Problem for what can be refused before anything is done */
export function checkAiKeyRequest(context: Context, provider: AiProviderRecord, request: AutoProvisionAiKey): void {
  if (request.mode === "minted") {
    requireMintable(provider, request.quotas ?? {}, request);
    if (request.models) {
      throw new Problem(
        "mode_not_supported",
        'A minted key cannot be held to a list of models; use the mode "virtual".',
      );
    }
  }
  if (request.mode !== "minted" && request.budgetUsdPerMonth !== undefined) {
    throw new Problem(
      "mode_not_supported",
      `A virtual key has quotas in tokens and requests and no budgetUsdPerMonth; ${budgetsAre}.`,
    );
  }
  if (hasEnded(request, context.clock.now())) {
    throw new Problem("invalid_body", "autoProvisionAiKey.expiresAt lies in the past.", {
      errors: [{ path: "autoProvisionAiKey.expiresAt", message: "must lie in the future" }],
    });
  }
}

interface KeyHolder {
  agentId: string;
  name: string;
  keyId: string;
  operationId: string;
  expiresAt?: string | undefined;
  suspended?: boolean;
  /** Until it is handed over, the secret is kept sealed with the key. */
  keepsSecret?: boolean;
}

interface WantedAiKey {
  holder: KeyHolder;
  provider: AiProviderRecord;
  request: AutoProvisionAiKey;
  minting: Minting;
}

/** Issues (virtual) or mints the key and records it; the secret is in the credential alone, unless it is to be kept. */
export async function issueAiKey(context: Context, caller: Caller, wanted: WantedAiKey): Promise<NewAiKey> {
  const aiKey = await newAiKey(context, caller, wanted);
  await addAiKey(context, aiKey.record);
  return aiKey;
}

/** A key that is not recorded yet, and works once it is. A minted one is at its provider by then. */
export async function newAiKey(
  context: Context,
  caller: Caller,
  { holder, provider, request, minting }: WantedAiKey,
): Promise<NewAiKey> {
  const mode = request.mode ?? "virtual";
  const common = {
    keyId: holder.keyId,
    agentId: holder.agentId,
    provider: provider.provider,
    mode,
    aiProviderId: provider.id,
    createdAt: new Date(context.clock.now()).toISOString(),
    ...(!caller.operator && { createdBy: caller.actor }),
  };
  const state = {
    version: 1,
    status: holder.suspended ? ("suspended" as const) : ("active" as const),
    quotas: stricterQuotas(provider.defaultQuotas ?? {}, request.quotas ?? {}),
    ...(request.models && { models: request.models }),
    ...(request.expiresAt && { expiresAt: request.expiresAt }),
    ...(holder.expiresAt !== undefined && { suspendsAt: holder.expiresAt }),
    ...(request.budgetUsdPerMonth !== undefined && { budgetUsdPerMonth: request.budgetUsdPerMonth }),
  };
  const keyless = keylessCredential(context, provider, mode);
  if (mode === "minted") {
    const { keyId, agentId, name, operationId } = holder;
    const { expiresAt, budgetUsdPerMonth } = request;
    const toMint = { keyId, agentId, name, operationId, quotas: state.quotas, expiresAt, budgetUsdPerMonth };
    const { remoteId, secret, hint } = await mintKey(context, provider, toMint, minting);
    const kept = await keptSecret(context, holder, provider, { secret, digest: "" });
    const record: AiKeyRecord = { ...common, minted: { remoteId, hint }, state: { ...state, digest: "", ...kept } };
    return { record, credential: { ...keyless, apiKey: secret } };
  }
  const secret = issueToken("ocv", holder.keyId, context.crypto.randomBytes);
  const digest = await context.crypto.sha256(secret);
  const kept = await keptSecret(context, holder, provider, { secret, digest });
  const record: AiKeyRecord = { ...common, state: { ...state, digest, ...kept } };
  return { record, credential: { ...keyless, apiKey: secret } };
}

async function keptSecret(
  context: Context,
  { keepsSecret, keyId }: KeyHolder,
  { provider }: AiProviderRecord,
  { secret, digest }: { secret: string; digest: string },
): Promise<Pick<AiKeyState, "pending">> {
  if (!keepsSecret) return {};
  return { pending: { digest, sealed: await seal(context, secret, { provider, id: keyId }) } };
}
