import { quotaCounters } from "../../domain/quota-rules.ts";
import { Problem } from "../../errors.ts";
import { type AiKeyRecord, AiKeyState } from "../../schema/ai-key.ts";
import { aiKeyLedger } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import { agentBusy } from "./agent-busy.ts";

/** How long a revoked key is remembered as such: far longer than records may lag anywhere. */
const revokedMemoryMs = 7 * 86_400_000;

/** The state as the ledger has it now; a record alone may lag on some stores. A key that was taken away is none. */
export async function currentAiKey(context: Context, keyId: string): Promise<AiKeyRecord | undefined> {
  const [record, text] = await Promise.all([
    context.records.get("ai-keys", keyId),
    context.ledger.get(aiKeyLedger(keyId).state),
  ]);
  const current = record && text !== undefined ? withState(record, text) : record;
  return current?.state.status === "revoked" ? undefined : current;
}

/** A ledger that a backup or a power cut took back is behind the record. */
function withState(record: AiKeyRecord, text: string): AiKeyRecord {
  const state = stateIn(text, record.keyId);
  return state.version < record.state.version ? record : { ...record, state };
}

function stateIn(text: string, keyId: string): AiKeyState {
  const { success, data } = AiKeyState.safeParse(JSON.parse(text));
  if (success) return data;
  throw new Problem("store_unreadable", `The ledger's state of the AI key ${keyId} is not valid.`);
}

/**
 * Records a key that is new. The exact text comes last: where the key was erased meanwhile, since its creation was taken
 * for one that broke off, it stays erased.
 * @throws Problem `agent_busy`
 */
export async function addAiKey(context: Context, record: AiKeyRecord): Promise<void> {
  await context.records.set("ai-keys", record.keyId, record);
  if (await completeAiKey(context, record.keyId, record)) return;
  await context.records.remove("ai-keys", record.keyId);
  throw agentBusy(record.agentId);
}

/**
 * The last step of `addAiKey`, which recovery takes where a process died before it.
 * @param record as it is known: a store of records may not show one yet whose exact text stands
 * @returns whether the key is recorded now; `false` where its record was never made, or the key was erased
 */
export async function completeAiKey(
  { ledger }: Context,
  keyId: string,
  record: AiKeyRecord | undefined,
): Promise<boolean> {
  const { state } = aiKeyLedger(keyId);
  if (record && (await ledger.replace(state, undefined, JSON.stringify(record.state)))) return true;
  const text = await ledger.get(state);
  return text !== undefined && stateIn(text, keyId).status !== "revoked";
}

/**
 * Makes a new state felt at once: the exact text first, the record after it.
 * @throws Problem `ai_key_not_found`, `agent_busy` where another has changed it since it was read
 */
export async function changeAiKeyState(
  context: Context,
  keyId: string,
  change: (state: AiKeyState) => AiKeyState,
): Promise<AiKeyRecord> {
  const name = aiKeyLedger(keyId).state;
  const [record, text] = await Promise.all([context.records.get("ai-keys", keyId), context.ledger.get(name)]);
  const known = record && text !== undefined ? withState(record, text) : record;
  if (!known || known.state.status === "revoked") throw new Problem("ai_key_not_found");
  const next = { ...known, state: { ...change(known.state), version: known.state.version + 1 } };
  if (!(await context.ledger.replace(name, text, JSON.stringify(next.state)))) throw agentBusy(known.agentId);
  // One that is gone, or newer, is not this one's to write over.
  const isOlder = (now: AiKeyRecord | undefined) => now !== undefined && now.state.version < next.state.version;
  await context.records.replace("ai-keys", keyId, isOlder, next);
  return next;
}

const revoked: AiKeyState = { version: Number.MAX_SAFE_INTEGER, status: "revoked", digest: "", quotas: {} };

/**
 * The key is refused from now on, and its counters are gone. Its record and its use stay for as long as its agent, which
 * has another key: what the agent has used is still the agent's.
 */
export async function retireAiKey(context: Context, keyId: string): Promise<void> {
  const { ledger, records } = context;
  const names = aiKeyLedger(keyId);
  await ledger.put(names.state, JSON.stringify(revoked), revokedMemoryMs);
  const record = await records.get("ai-keys", keyId);
  const isThere = (now: AiKeyRecord | undefined) => now !== undefined;
  if (record) await records.replace("ai-keys", keyId, isThere, { ...record, state: revoked });
  await Promise.all(quotaCounters.map((counter) => ledger.forget(names[counter])));
}

/** The key is refused from now on, its counters are gone, and so is its record. */
export async function eraseAiKey(context: Context, keyId: string): Promise<void> {
  const names = aiKeyLedger(keyId);
  await context.ledger.put(names.state, JSON.stringify(revoked), revokedMemoryMs);
  await context.records.remove("ai-keys", keyId);
  // A request that is under way has then nothing to settle, and brings nothing back of the rest.
  await context.ledger.forget(names.reservation(""));
  // The state stays, and says that it is revoked.
  const rest = [...quotaCounters.map((counter) => names[counter]), names.free, names.usage];
  await Promise.all(rest.map((name) => context.ledger.forget(name)));
}
