import { type RetryOptions, retry } from "../../domain/retry.ts";
import { isProblem } from "../../errors.ts";
import type { Context } from "../context.ts";
import { isSealedUnderNewest, seal, unseal } from "../secrets/vault.ts";
import { agentBusy } from "../state/agent-busy.ts";
import { changeAiKeyState, currentAiKey } from "../state/ai-key-state.ts";
import { allRecords } from "../state/all-records.ts";

/** A rotation of the key that meets this one is over after a few rounds. */
const whileBusy: RetryOptions = { isRetryable: (error) => isProblem(error, "agent_busy"), delays: [0, 0, 0, 0] };

/**
 * Seals the secrets of AI keys anew whose rotation has not ended. One that no seal key opens stays: the next rotation of
 * its key says so.
 * @returns how many were under an older seal key
 */
export async function resealPendingKeys(context: Context): Promise<number> {
  let resealed = 0;
  for await (const { keyId, state } of allRecords(context, "ai-keys")) {
    if (state.pending && (await retry(() => reseal(context, keyId), whileBusy))) resealed++;
  }
  return resealed;
}

/** @throws Problem `agent_busy` where the key has changed meanwhile */
async function reseal(context: Context, keyId: string): Promise<boolean> {
  const key = await currentAiKey(context, keyId);
  const sealed = key?.state.pending?.sealed;
  if (!key || sealed === undefined || (await isSealedUnderNewest(context, sealed))) return false;
  const binding = { provider: key.provider, id: keyId };
  const secret = await unseal(context, sealed, binding).catch(() => undefined);
  if (secret === undefined) return false;
  const anew = await seal(context, secret, binding);
  try {
    await changeAiKeyState(context, keyId, ({ pending, ...state }) => {
      if (pending?.sealed !== sealed) throw agentBusy(key.agentId);
      return { ...state, pending: { ...pending, sealed: anew } };
    });
  } catch (error) {
    if (isProblem(error, "ai_key_not_found")) return false;
    throw error;
  }
  return true;
}
