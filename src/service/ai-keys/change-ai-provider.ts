import { keyHint } from "../../domain/key-hint.ts";
import { Problem } from "../../errors.ts";
import type { AiProviderAdded, AiProviderRecord, AiProviderView, RotateAiProvider } from "../../schema/ai-provider.ts";
import { aiProviderClaim, aiProviderRevoked } from "../../storage/ledger-names.ts";
import { auditedChange, newOperationId } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { withLease } from "../lease.ts";
import { seal } from "../secrets/vault.ts";
import { aiProviderBusy, aiProviderView, checkMasterKey } from "./ai-providers.ts";

/** The record stays: what it paid for is still told apart, and minted keys can still be revoked. */
export async function revokeAiProvider(context: Context, caller: Caller, id: string): Promise<AiProviderView> {
  return await changeAiProvider(context, id, async (record) => {
    if (record.revokedAt !== undefined) {
      await context.ledger.put(aiProviderRevoked(id), record.revokedAt);
      return aiProviderView(record);
    }
    return await auditedChange(context, caller, { action: "ai-provider.revoke", target: id }, async () => {
      const revokedAt = new Date(context.clock.now()).toISOString();
      const next = { ...record, revokedAt };
      await replaceAiProvider(context, record, next);
      // Felt everywhere at once, by what is under way too.
      await context.ledger.put(aiProviderRevoked(id), revokedAt);
      return aiProviderView(next);
    });
  });
}

/**
 * Another master key in place of the one that is stored: id, agents' links and counters stay. The old one serves what
 * is under way.
 *
 * @throws Problem `ai_provider_not_found`, `provider_revoked`, `provider_refused`, `key_busy`
 */
export async function rotateAiProvider(
  context: Context,
  caller: Caller,
  id: string,
  body: RotateAiProvider,
): Promise<AiProviderAdded> {
  const { kind, provider, baseUrl, project } = await requireUsable(context, id);
  const checked = await checkMasterKey(context, kind, { provider, baseUrl, project, ...body });
  return await changeAiProvider(context, id, async () => {
    const record = await requireUsable(context, id);
    const details = { verification: checked.verification };
    return await auditedChange(context, caller, { action: "ai-provider.rotate", target: id, details }, async () => {
      const binding = { provider: record.provider, id };
      const next: AiProviderRecord = {
        ...record,
        sealedKey: await seal(context, body.key, binding),
        ...(body.credentials !== undefined && { sealedCredentials: await seal(context, body.credentials, binding) }),
        hint: keyHint(body.key),
        rotatedAt: new Date(context.clock.now()).toISOString(),
      };
      await replaceAiProvider(context, record, next);
      return { ...aiProviderView(next), ...checked };
    });
  });
}

/**
 * One change to an AI provider at a time, on its record as it then is: each writes the whole of it.
 *
 * @throws Problem `ai_provider_not_found`, `key_busy`
 */
export async function changeAiProvider<T>(
  context: Context,
  id: string,
  work: (record: AiProviderRecord) => Promise<T>,
): Promise<T> {
  await requireAiProvider(context, id);
  const onRecord = async () => await work(await requireAiProvider(context, id));
  const lease = { name: aiProviderClaim(id), owner: newOperationId(context), busy: () => aiProviderBusy(id) };
  return await withLease(context, lease, onRecord);
}

/** A process that slept in between must not give a revoked one back, nor a master key that was replaced. */
async function replaceAiProvider(context: Context, before: AiProviderRecord, next: AiProviderRecord): Promise<void> {
  const isSame = (now: AiProviderRecord | undefined) => JSON.stringify(now) === JSON.stringify(before);
  if (!(await context.records.replace("ai-providers", before.id, isSame, next))) throw aiProviderBusy(before.id);
}

async function requireAiProvider(context: Context, id: string): Promise<AiProviderRecord> {
  const record = await context.records.get("ai-providers", id);
  if (record) return record;
  throw new Problem(
    "ai_provider_not_found",
    `There is no AI provider "${id.slice(0, 64)}"; "ai-providers list" shows those there are.`,
  );
}

async function requireUsable(context: Context, id: string): Promise<AiProviderRecord> {
  const record = await requireAiProvider(context, id);
  if (record.revokedAt === undefined) return record;
  throw new Problem("provider_revoked", `The AI provider "${record.name}" is revoked; add another one.`);
}
