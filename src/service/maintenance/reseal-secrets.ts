import type { AiProviderRecord } from "../../schema/ai-provider.ts";
import { sealKeyOwner } from "../../storage/ledger-names.ts";
import { aiProviderBusy } from "../ai-keys/ai-providers.ts";
import { changeAiProvider } from "../ai-keys/change-ai-provider.ts";
import { resealPendingKeys } from "../ai-keys/reseal-pending-keys.ts";
import { resealWebhooks } from "../alerts/reseal-webhooks.ts";
import { auditedChange } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { isSealedUnderNewest, seal, sealKeyId, unseal } from "../secrets/vault.ts";
import { livePrevious, writeAiProvider } from "../state/newest-ai-provider.ts";

/** The counts of one pass over all stored secrets. */
export interface Resealed {
  /** The seal key under which all stored secrets are by now. */
  sealKey: string;
  /** How many secrets were under an older one. */
  resealed: number;
}

/**
 * Seals every stored secret anew under the deployment's first seal key, one record at a time: at any moment each is
 * under a key that the deployment has.
 *
 * @throws Problem `secret_unopenable` of the first secret in use that no seal key opens
 */
export async function resealSecrets(context: Context, caller: Caller): Promise<Resealed> {
  const [newest, ...older] = context.sealKeys();
  const sealKey = await sealKeyId(newest!);
  const outcome = { resealed: 0 };
  const change = { action: "seal.rotate", target: sealKey };
  return await auditedChange(context, caller, change, async (_, details) => {
    const { items } = await context.records.list("ai-providers");
    for (const { id } of items) outcome.resealed += await changeAiProvider(context, id, (record) => reseal(record));
    outcome.resealed += await resealWebhooks(context);
    outcome.resealed += await resealPendingKeys(context);
    details.resealed = outcome.resealed;
    for (const key of older) await context.ledger.release(sealKeyOwner, await sealKeyId(key));
    await context.ledger.claim(sealKeyOwner, { owner: sealKey, ttlMs: null });
    return { sealKey, ...outcome };
  });

  async function reseal(record: AiProviderRecord): Promise<number> {
    const binding = { provider: record.provider, id: record.id };
    let count = 0;
    const anew = async (jwe: string): Promise<string> => {
      if (await isSealedUnderNewest(context, jwe)) return jwe;
      const resealed = await seal(context, await unseal(context, jwe, binding), binding);
      count++;
      return resealed;
    };
    const previous: typeof record.previous = [];
    for (const { sealedKey, until } of livePrevious(record.previous, context.clock.now())) {
      // One that no seal key opens stands in for nothing.
      const sealed = await anew(sealedKey).catch(() => undefined);
      if (sealed !== undefined) previous.push({ sealedKey: sealed, until });
    }
    // Nobody can store a revoked one's secrets anew: they must keep no rotation from its end.
    const anewOrKept = (jwe: string) => (record.revokedAt === undefined ? anew(jwe) : anew(jwe).catch(() => jwe));
    const { sealedKey, sealedCredentials } = record;
    const change = {
      sealedKey: await anewOrKept(sealedKey),
      ...(sealedCredentials !== undefined && { sealedCredentials: await anewOrKept(sealedCredentials) }),
      previous: previous.length > 0 ? previous : undefined,
    };
    // A value past its grace may be under an older key yet.
    if (count === 0 && record.previous === undefined) return 0;
    if (!(await writeAiProvider(context, record, change))) throw aiProviderBusy(record.id);
    return count;
  }
}
