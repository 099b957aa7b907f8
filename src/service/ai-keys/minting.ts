import { inTurn } from "../../domain/in-turn.ts";
import { isProblem, Problem } from "../../errors.ts";
import type { Minter } from "../../providers/admin/key-api.ts";
import { leftoverKey } from "../../providers/admin/minter-over.ts";
import { mintRefusal } from "../../providers/mint-refusal.ts";
import { minterFor } from "../../providers/minter-for.ts";
import type { AiProviderRecord } from "../../schema/ai-provider.ts";
import type { Quotas } from "../../schema/quota.ts";
import type { Context } from "../context.ts";
import { unseal } from "../secrets/vault.ts";

/** Why this provider cannot mint a key held to that, in words for the caller; `undefined` where it can. */
export const mintingRefusal = (
  { kind, baseUrl, project, hint, defaultQuotas, sealedCredentials }: AiProviderRecord,
  quotas: Quotas,
  other?: Parameters<typeof mintRefusal>[2],
): string | undefined =>
  mintRefusal(
    { kind, baseUrl, project, hint, defaultQuotas, hasCredentials: sealedCredentials !== undefined },
    quotas,
    other,
  );

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
async function openMinter(context: Context, provider: AiProviderRecord): Promise<Minter> {
  const binding = { provider: provider.provider, id: provider.id };
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

/** How far a minting has come, for whoever has to undo it. */
export interface Minting {
  /** There may be a key at the provider that no record of ours tells of. */
  unrecorded: boolean;
}

/** Mints; a key that the provider may have made without telling us is remembered, and revoked when it can be. */
export async function mintKey(
  context: Context,
  provider: AiProviderRecord,
  { keyId, ...request }: Parameters<Minter["mint"]>[0] & { keyId: string },
  minting: Minting,
): ReturnType<Minter["mint"]> {
  const minter = await openMinter(context, provider);
  minting.unrecorded = true;
  try {
    return await minter.mint(request);
  } catch (error) {
    const leftover = leftoverKey(error);
    if (leftover) {
      const { remoteId, unseen } = leftover;
      const key = { aiProviderId: provider.id, remoteId, agentId: request.agentId, keyId };
      await rememberRevocation(context, key, error, unseen);
    }
    // A failure of any other sort tells nothing of what is at the provider.
    if (isProblem(error)) minting.unrecorded = false;
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

/**
 * The end of a key that was to be revoked. `awaited`: it is not there, but its creation, which was never answered,
 * may take effect yet; `absent`: nor will it.
 */
export type Revocation = "revoked" | "failed" | "awaited" | "absent";

/** Longer than any provider works on a request whose caller has left. */
const longestCreationMs = 3_600_000;

/**
 * Revokes a minted key at its provider; where that fails it is remembered, and retried until it is gone for good.
 * @param retried it was remembered: if it no longer is, another process has settled it meanwhile
 */
export async function revokeMinted(context: Context, minted: MintedKey, retried = false): Promise<Revocation> {
  let gone: boolean;
  try {
    const provider = await context.records.get("ai-providers", minted.aiProviderId);
    if (!provider) throw new Error(`the AI provider ${minted.aiProviderId} is not on record`);
    gone = await (await openMinter(context, provider)).revoke(minted.remoteId);
  } catch (error) {
    await rememberRevocation(context, minted, error, false);
    return "failed";
  }
  if (!gone) {
    const known = await context.records.get("revocations", minted.keyId);
    if (retried && !known) return "absent";
    const sinceMs = known ? context.clock.now() - Date.parse(known.createdAt) : 0;
    if (sinceMs < longestCreationMs) {
      if (!known?.unseen) await rememberRevocation(context, minted, undefined, true);
      return "awaited";
    }
  }
  await context.records.remove("revocations", minted.keyId);
  return gone ? "revoked" : "absent";
}

async function rememberRevocation(
  context: Context,
  { keyId, aiProviderId, remoteId, agentId }: MintedKey,
  cause: unknown,
  unseen: boolean,
): Promise<void> {
  const earlier = await context.records.get("revocations", keyId);
  await context.records.set("revocations", keyId, {
    id: keyId,
    aiProviderId,
    remoteId,
    agentId,
    attempts: (earlier?.attempts ?? 0) + 1,
    lastError: unseen ? "no key of its name is there so far" : isProblem(cause) ? cause.message : "unexpected failure",
    ...(unseen && { unseen }),
    createdAt: earlier?.createdAt ?? new Date(context.clock.now()).toISOString(),
  });
  const what = unseen ? "a key may yet be minted whose creation was given up" : "a minted key could not be revoked yet";
  context.log("warn", what, { keyId, cause });
}

/** Tries again what could not be revoked; what now is, the trail says. Returns what came of those that were tried. */
export async function retryRevocations(context: Context): Promise<{ revoked: number; left: number; awaited: number }> {
  const { items } = await context.records.list("revocations");
  const count = { revoked: 0, failed: 0, awaited: 0, absent: 0 };
  const { mostBulkChanges: most = items.length, clock } = context;
  // Those of a provider that is away must not take all that an invocation may do, and not each time.
  for (const { id, agentId, attempts, aiProviderId, remoteId } of inTurn(items, most, clock.now())) {
    const became = await revokeMinted(context, { aiProviderId, remoteId, agentId, keyId: id }, true);
    count[became]++;
    if (became !== "revoked") continue;
    const details = { agentId, attempts };
    const subject = { action: "ai-key.revoke", actor: "recovery", requestId: "recovery", target: id };
    await context.audit.append({ ...subject, phase: "event", outcome: "success", details });
  }
  return { revoked: count.revoked, left: count.failed, awaited: count.awaited };
}
