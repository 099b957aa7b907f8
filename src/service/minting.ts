import { isProblem, Problem } from "../errors.ts";
import { mintRefusal } from "../providers/mint/mint-refusal.ts";
import type { Minter } from "../providers/mint/minter.ts";
import { leftoverKey } from "../providers/mint/minter-over.ts";
import type { AiProviderRecord } from "../schema/ai-provider.ts";
import type { Quotas } from "../schema/quota.ts";
import type { Context } from "./context.ts";
import { unseal } from "./vault.ts";

/** Why this provider cannot mint a key held to that, in words for the caller; `undefined` where it can. */
export const mintingRefusal = (
  { kind, baseUrl, project, hint, sealedCredentials }: AiProviderRecord,
  quotas: Quotas,
  other?: Parameters<typeof mintRefusal>[2],
): string | undefined =>
  mintRefusal({ kind, baseUrl, project, hint, hasCredentials: sealedCredentials !== undefined }, quotas, other);

/** @throws Problem `mode_not_supported`, saying which mode can */
export function requireMintable(
  provider: AiProviderRecord,
  quotas: Quotas,
  other?: Parameters<typeof mintRefusal>[2],
): void {
  const refusal = mintingRefusal(provider, quotas, other);
  if (refusal !== undefined) throw new Problem("mode_not_supported", refusal);
}

interface MintedKey {
  aiProviderId: string;
  remoteId: string;
  agentId: string;
  keyId: string;
}

/** @throws Problem `mode_not_supported` where that provider cannot mint */
export async function openMinter(context: Context, provider: AiProviderRecord): Promise<Minter> {
  const binding = { provider: provider.provider, id: provider.id };
  const { minterFor } = await import("../providers/mint/index.ts");
  const minter = minterFor(
    {
      kind: provider.kind,
      baseUrl: provider.baseUrl,
      project: provider.project,
      masterKey: await unseal(context, provider.sealedKey, binding),
      credentials: provider.sealedCredentials && (await unseal(context, provider.sealedCredentials, binding)),
    },
    { fetch: context.fetch, clock: context.clock },
  );
  if (!minter)
    throw new Problem(
      "mode_not_supported",
      `The AI provider "${provider.provider}" cannot mint keys; use the mode "virtual".`,
    );
  return minter;
}

/** Mints; a key that the provider may have made without telling us is remembered, and revoked when it can be. */
export async function mintKey(
  context: Context,
  provider: AiProviderRecord,
  keyId: string,
  request: Parameters<Minter["mint"]>[0],
): ReturnType<Minter["mint"]> {
  try {
    return await (await openMinter(context, provider)).mint(request);
  } catch (error) {
    const leftover = leftoverKey(error);
    if (leftover) {
      const key = { aiProviderId: provider.id, remoteId: leftover.remoteId, agentId: request.agentId, keyId };
      await rememberRevocation(context, key, error);
    }
    throw isProblem(error, "provider_refused") ? advised(error, provider) : error;
  }
}

/** The refusal is the provider's own; what can be done about it here, it cannot know. */
const advised = ({ message, cause }: Problem, { name }: AiProviderRecord): Problem =>
  new Problem(
    "provider_refused",
    `${message} Check that the key of the AI provider "${name}" may create keys, or use the mode "virtual".`,
    { cause },
  );

/** Revokes a minted key at its provider; where that fails it is remembered, and retried until it is gone. */
export async function revokeMinted(context: Context, minted: MintedKey): Promise<boolean> {
  try {
    const provider = await context.records.get("ai-providers", minted.aiProviderId);
    if (!provider) throw new Error(`the AI provider ${minted.aiProviderId} is not on record`);
    await (await openMinter(context, provider)).revoke(minted.remoteId);
  } catch (error) {
    await rememberRevocation(context, minted, error);
    return false;
  }
  await context.records.remove("revocations", minted.keyId);
  return true;
}

async function rememberRevocation(context: Context, minted: MintedKey, cause: unknown): Promise<void> {
  const { keyId, ...known } = minted;
  const earlier = await context.records.get("revocations", keyId);
  await context.records.set("revocations", keyId, {
    id: keyId,
    ...known,
    attempts: (earlier?.attempts ?? 0) + 1,
    lastError: cause instanceof Problem ? cause.message : "unexpected failure",
    createdAt: earlier?.createdAt ?? new Date(context.clock.now()).toISOString(),
  });
  context.log("warn", "a minted key could not be revoked yet", { keyId, cause });
}

/** Tries again what could not be revoked; what now is, the trail says. Returns what is left. */
export async function retryRevocations(context: Context): Promise<{ revoked: number; left: number }> {
  const { items } = await context.records.list("revocations");
  let revoked = 0;
  for (const { id, agentId, attempts, ...known } of items) {
    if (!(await revokeMinted(context, { ...known, agentId, keyId: id }))) continue;
    revoked++;
    const details = { agentId, attempts };
    const subject = { action: "ai-key.revoke", actor: "recovery", requestId: "recovery", target: id };
    await context.audit.append({ ...subject, phase: "event", outcome: "success", details });
  }
  return { revoked, left: items.length - revoked };
}
