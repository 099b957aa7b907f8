import { isProblem } from "../../errors.ts";
import type { Context } from "../context.ts";
import { isSealedUnderNewest, seal, unseal } from "../secrets/vault.ts";
import { changeAiKeyState, currentAiKey } from "../state/ai-key-state.ts";
import { allRecords } from "../state/all-records.ts";

/** A rotation of the key that meets this one is over after a few rounds. */
const mostRounds = 5;

/**
 * Seals the secrets of AI keys anew whose rotation has not ended. One that no seal key opens stays: the next rotation of
 * its key says so.
 * @returns how many were under an older seal key
 */
export async function resealPendingKeys(context: Context): Promise<number> {
  let resealed = 0;
  for await (const { keyId, state } of allRecords(context, "ai-keys")) {
    if (state.pending && (await reseal(context, keyId))) resealed++;
  }
  return resealed;
}

async function reseal(context: Context, keyId: string): Promise<boolean> {
  for (let round = 1; ; round++) {
    const key = await currentAiKey(context, keyId);
    const sealed = key?.state.pending?.sealed;
    if (!key || sealed === undefined || (await isSealedUnderNewest(context, sealed))) return false;
    const binding = { provider: key.provider, id: keyId };
    const secret = await unseal(context, sealed, binding).catch(() => undefined);
    if (secret === undefined) return false;
    const anew = await seal(context, secret, binding);
    try {
      const { state } = await changeAiKeyState(context, keyId, (now) =>
        now.pending?.sealed === sealed ? { ...now, pending: { ...now.pending, sealed: anew } } : now,
      );
      if (state.pending?.sealed === anew) return true;
    } catch (error) {
      if (isProblem(error, "ai_key_not_found")) return false;
      if (!isProblem(error, "agent_busy") || round === mostRounds) throw error;
    }
    if (round === mostRounds) return false;
  }
}
