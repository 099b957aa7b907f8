import { periodOf } from "../../domain/quota.ts";
import { quotaRules } from "../../domain/quota-rules.ts";
import { isProblem } from "../../errors.ts";
import type { Credential, LedgerName } from "../../ports.ts";
import type { AgentRecord } from "../../schema/agent.ts";
import type { AiKeyRecord } from "../../schema/ai-key.ts";
import { quotaNames } from "../../schema/quota.ts";
import { aiKeyLedger } from "../../storage/ledger-names.ts";
import { keylessCredential } from "../ai-keys/issue-ai-key.ts";
import { forgetIssuedKeys } from "../ai-keys/issued-keys.ts";
import type { Context } from "../context.ts";
import { unseal } from "../secrets/vault.ts";
import { saveAgent } from "../state/agent-record.ts";
import { changeAiKeyState, currentAiKey } from "../state/ai-key-state.ts";
import { knownFrom } from "../state/find-agent.ts";
import { revokeAiKey, revokeFormerAiKey } from "./compensate-create.ts";
import type { Operation } from "./operation.ts";

export interface KeyChange {
  outcome: "finished" | "undone";
  record?: AgentRecord;
  profileId?: string | undefined;
  /** Whether a key that ended is revoked at its provider too. */
  revoked: boolean;
}

interface Given {
  /** The new key, from the caller that has just issued it; else it was kept sealed. */
  credential?: Credential;
  hold?(): Promise<void>;
  isCurrent?: (() => Promise<boolean>) | undefined;
}

/**
 * Brings a change of an agent's AI keys to its end. A new key is stored at the host before the former one ends, so that
 * a session goes on with its next request. Every step can be repeated; once the host may have the new key, there is no
 * way back: nobody has the secret of the former one.
 */
export async function settleKeyChange(context: Context, operation: Operation, given: Given = {}): Promise<KeyChange> {
  const { agentId, aiKeyId, creation } = operation;
  const { isCurrent } = given;
  const before = await context.records.get("agents", agentId);
  if (before?.operationId !== creation) return await undoKeyChange(context, operation);
  if (aiKeyId === undefined) return await takeKey(context, operation, before, given);
  let record = before;
  let profileId: string | undefined;
  if (before.aiKeyId !== aiKeyId) {
    const aiKey = await currentAiKey(context, aiKeyId);
    const credential = aiKey && (given.credential ?? (await keptCredential(context, aiKey)));
    // Suspended while this waited for its gateway: a minted key would work at its provider all the same.
    const isStopped = given.credential === undefined && before.suspended && aiKey?.mode === "minted";
    if (!aiKey || !credential || isStopped) return await undoKeyChange(context, operation);
    await given.hold?.();
    if (context.host.storesCredentials) {
      profileId = await context.host.setCredential({ ...knownFrom(before), isCurrent }, credential, operation.model);
    }
    record = await saveAgent(context, {
      ...before,
      aiKeyId,
      aiKeyProvider: aiKey.provider,
      formerAiKeyIds: formerKeys(before, operation),
      ...(operation.model !== undefined && { model: operation.model }),
      ...(context.host.storesCredentials && { credentials: [...new Set([...before.credentials, aiKey.provider])] }),
    });
  }
  await changeAiKeyState(context, aiKeyId, ({ pending: _, ...state }) => state);
  const { formerProvider } = operation;
  if (formerProvider !== undefined && formerProvider !== record.aiKeyProvider) {
    await context.host.dropCredential({ ...knownFrom(record), isCurrent }, formerProvider);
    const credentials = record.credentials.filter((one) => one !== formerProvider);
    record = await saveAgent(context, { ...record, credentials });
  }
  const revoked = await endFormer(context, operation);
  return { outcome: "finished", record, profileId, revoked };
}

/** The new key, which nobody has got, ends. */
export async function undoKeyChange(context: Context, operation: Operation): Promise<KeyChange> {
  const { agentId, aiKeyId } = operation;
  if (aiKeyId === undefined) return { outcome: "undone", revoked: true };
  const revoked = await revokeAiKey(context, operation, aiKeyId);
  await forgetIssuedKeys(context, agentId, [aiKeyId]);
  return { outcome: "undone", revoked };
}

/** The key stops working before anything else. */
async function takeKey(
  context: Context,
  operation: Operation,
  before: AgentRecord,
  { isCurrent }: Given,
): Promise<KeyChange> {
  const { formerProvider } = operation;
  const revoked = await endFormer(context, operation);
  if (formerProvider !== undefined)
    await context.host.dropCredential({ ...knownFrom(before), isCurrent }, formerProvider);
  const credentials = before.credentials.filter((one) => one !== formerProvider);
  const formerAiKeyIds = formerKeys(before, operation);
  const noKey = { aiKeyId: undefined, aiKeyProvider: undefined };
  const record = await saveAgent(context, { ...before, ...noKey, formerAiKeyIds, credentials });
  return { outcome: "finished", record, revoked };
}

const formerKeys = ({ formerAiKeyIds }: AgentRecord, { formerKeyId }: Operation): string[] | undefined =>
  formerKeyId === undefined ? formerAiKeyIds : [...new Set([...(formerAiKeyIds ?? []), formerKeyId])];

async function keptCredential(context: Context, aiKey: AiKeyRecord): Promise<Credential | undefined> {
  const { keyId, mode, state } = aiKey;
  const provider = await context.records.get("ai-providers", aiKey.aiProviderId);
  if (!state.pending || !provider || !context.host.storesCredentials) return undefined;
  try {
    const apiKey = await unseal(context, state.pending.sealed, { provider: aiKey.provider, id: keyId });
    return { ...keylessCredential(context, provider, mode), apiKey };
  } catch (cause) {
    if (!isProblem(cause, "secret_unopenable")) throw cause;
    const { agentId } = aiKey;
    context.log("warn", "a new key cannot be handed over; `agents rotate-key` gives another", { agentId, cause });
    return undefined;
  }
}

/** @returns whether it is revoked at its provider too */
async function endFormer(context: Context, operation: Operation): Promise<boolean> {
  const { formerKeyId, aiKeyId } = operation;
  if (formerKeyId === undefined) return true;
  const carried = aiKeyId === undefined ? undefined : await carryUse(context, formerKeyId, aiKeyId);
  const revoked = await revokeFormerAiKey(context, { ...operation, minted: false }, formerKeyId);
  if (carried !== undefined) await context.ledger.settle(carried, "reserved");
  return revoked;
}

/**
 * The running periods' use of the former key counts against the new one's quotas: a move is no way to spend them twice.
 * Reserved until the former key is gone, so that a repetition counts nothing twice.
 */
async function carryUse(context: Context, formerKeyId: string, aiKeyId: string): Promise<LedgerName> {
  const { ledger, clock } = context;
  const [former, next] = [aiKeyLedger(formerKeyId), aiKeyLedger(aiKeyId)];
  const id = next.carried(formerKeyId);
  const known = await currentAiKey(context, formerKeyId);
  if (known?.state.status === "active") {
    // Use that is counted from now on would be lost.
    await changeAiKeyState(context, formerKeyId, (state) => ({ ...state, status: "suspended" }));
  }
  const rules = new Map(quotaNames.map((name) => [JSON.stringify(quotaRules[name]), quotaRules[name]]));
  const entries = await Promise.all(
    [...rules.values()].map(async ({ counter, span }) => {
      const period = periodOf(span, clock.now());
      const { used, reserved } = await ledger.used(former[counter], period);
      return { counter: next[counter], period, limit: null, amount: used + reserved };
    }),
  );
  const counted = entries.filter(({ amount }) => amount > 0);
  if (counted.length > 0) await ledger.reserve(id, counted);
  return id;
}
