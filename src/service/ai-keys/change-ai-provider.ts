import { keyHint } from "../../domain/key-hint.ts";
import { Problem } from "../../errors.ts";
import type { AiProviderAdded, AiProviderRecord, AiProviderView, RotateAiProvider } from "../../schema/ai-provider.ts";
import { aiProviderClaim } from "../../storage/ledger-names.ts";
import { endFailing } from "../alerts/provider-health.ts";
import { auditedChange, newOperationId } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { withLease } from "../lease.ts";
import { seal } from "../secrets/vault.ts";
import { followNewest, livePrevious, newestAiProvider, writeAiProvider } from "../state/newest-ai-provider.ts";
import { requireAiProvider } from "../state/require-ai-provider.ts";
import { aiProviderBusy, aiProviderView, checkMasterKey } from "./ai-providers.ts";

/** The record stays: what it paid for is still told apart, and minted keys can still be revoked. */
export async function revokeAiProvider(context: Context, caller: Caller, id: string): Promise<AiProviderView> {
  return await changeAiProvider(context, id, async (record) => {
    if (record.revokedAt !== undefined) {
      endFailing(context, record);
      return aiProviderView(record);
    }
    return await auditedChange(context, caller, { action: "ai-provider.revoke", target: id }, async () => {
      const revokedAt = new Date(context.clock.now()).toISOString();
      const revoked = await replaceAiProvider(context, record, { revokedAt, previous: undefined });
      endFailing(context, revoked);
      return aiProviderView(revoked);
    });
  });
}

/**
 * Another master key in place of the one that is stored: id, agents' links and counters stay. The old one serves what
 * is under way, and for the grace that is asked for what the provider refuses with the new one.
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
  return await changeAiProvider(context, id, async (record) => {
    requireNotRevoked(record);
    const graceSeconds = body.graceSeconds ?? 0;
    const details = { verification: checked.verification, graceSeconds };
    return await auditedChange(context, caller, { action: "ai-provider.rotate", target: id, details }, async () => {
      const binding = { provider: record.provider, id };
      const now = context.clock.now();
      const next = await replaceAiProvider(context, record, {
        sealedKey: await seal(context, body.key, binding),
        ...(body.credentials !== undefined && { sealedCredentials: await seal(context, body.credentials, binding) }),
        hint: keyHint(body.key),
        rotatedAt: new Date(now).toISOString(),
        previous: retire(record, graceSeconds * 1_000, now),
      });
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
  const onRecord = async () => await work(await followNewest(context, await requireAiProvider(context, id)));
  const lease = { name: aiProviderClaim(id), owner: newOperationId(context), busy: () => aiProviderBusy(id) };
  return await withLease(context, lease, onRecord);
}

/** More rotations than this inside one grace are a loop. */
const mostPrevious = 3;

/** A rotation that is repeated must not cost the key that works its grace; without a grace none has any. */
function retire({ sealedKey, previous }: AiProviderRecord, graceMs: number, now: number): AiProviderRecord["previous"] {
  if (graceMs <= 0) return undefined;
  const retired = { sealedKey, until: new Date(now + graceMs).toISOString() };
  return [retired, ...livePrevious(previous, now)].slice(0, mostPrevious);
}

async function replaceAiProvider(
  context: Context,
  before: AiProviderRecord,
  change: Partial<AiProviderRecord>,
): Promise<AiProviderRecord> {
  const next = await writeAiProvider(context, before, change);
  if (!next) throw aiProviderBusy(before.id);
  return next;
}

async function requireUsable(context: Context, id: string): Promise<AiProviderRecord> {
  const record = await newestAiProvider(context, await requireAiProvider(context, id));
  requireNotRevoked(record);
  return record;
}

function requireNotRevoked({ name, revokedAt }: AiProviderRecord): void {
  if (revokedAt !== undefined)
    throw new Problem("provider_revoked", `The AI provider "${name}" is revoked; add another one.`);
}
