import { Problem } from "../errors.ts";
import { type AiKeyRecord, AiKeyState } from "../schema/ai-key.ts";
import { aiKeyLedger } from "../storage/ledger-names.ts";
import type { Context } from "./context.ts";

/** How long a revoked key is remembered as such: far longer than records may lag anywhere. */
const revokedMemoryMs = 7 * 86_400_000;

/** The state as the ledger has it now; a record alone may lag on some stores. */
export async function currentAiKey(context: Context, keyId: string): Promise<AiKeyRecord | undefined> {
  const [record, text] = await Promise.all([
    context.records.get("ai-keys", keyId),
    context.ledger.get(aiKeyLedger(keyId).state),
  ]);
  if (!record || text === undefined) return record;
  const state = AiKeyState.safeParse(JSON.parse(text));
  if (!state.success) throw new Problem("store_unreadable", `The ledger's state of the AI key ${keyId} is not valid.`);
  return { ...record, state: state.data };
}

/** Makes a new state felt at once: the exact text first, the record after it. Call under the agent's claim. */
export async function saveAiKey(context: Context, record: AiKeyRecord): Promise<void> {
  await context.ledger.put(aiKeyLedger(record.keyId).state, JSON.stringify(record.state));
  await context.records.set("ai-keys", record.keyId, record);
}

/** @throws Problem `ai_key_not_found` */
export async function changeAiKeyState(
  context: Context,
  keyId: string,
  change: (state: AiKeyState) => AiKeyState,
): Promise<AiKeyRecord> {
  const record = await currentAiKey(context, keyId);
  if (!record) throw new Problem("ai_key_not_found");
  const next = { ...record, state: { ...change(record.state), version: record.state.version + 1 } };
  await saveAiKey(context, next);
  return next;
}

/** The key is refused from now on, its counters are gone, and so is its record. */
export async function eraseAiKey(context: Context, keyId: string): Promise<void> {
  const names = aiKeyLedger(keyId);
  const revoked: AiKeyState = { version: Number.MAX_SAFE_INTEGER, status: "revoked", digest: "", quotas: {} };
  await context.ledger.put(names.state, JSON.stringify(revoked), revokedMemoryMs);
  await context.records.remove("ai-keys", keyId);
  await context.ledger.forget(names.tokens);
  await context.ledger.forget(names.requests);
  await context.ledger.forget(names.usage);
}
