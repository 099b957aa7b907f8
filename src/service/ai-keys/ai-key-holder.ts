import { isMetered } from "../../domain/free-calls.ts";
import { hasEnded } from "../../domain/has-ended.ts";
import { monthToDate } from "../../domain/quota.ts";
import { digestIsValid } from "../../domain/secret-digests.ts";
import { parseToken } from "../../domain/token.ts";
import { Problem } from "../../errors.ts";
import type { AiKeyRecord } from "../../schema/ai-key.ts";
import type { AiKeyHolder } from "../../schema/ai-key-holder.ts";
import { aiKeyLedger } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import { currentAiKey } from "../state/ai-key-state.ts";
import { effectiveQuotas, readQuotaStates } from "../state/quota-states.ts";

/** The AI key that was shown, suspended ones included; `undefined` for one that is malformed, unknown or has ended. */
export async function findShownAiKey(context: Context, text: string): Promise<AiKeyRecord | undefined> {
  const id = parseToken(text, "ocv")?.keyId;
  const record = id === undefined ? undefined : await currentAiKey(context, id);
  if (!record) return undefined;
  const now = context.clock.now();
  if (hasEnded(record.state, now)) return undefined;
  return digestIsValid(record.state, await context.crypto.sha256(text), now) ? record : undefined;
}

/** @throws Problem `ai_key_not_found` where the bearer is no AI key, or has ended since */
export async function readHolder(context: Context, keyId: string | undefined): Promise<AiKeyHolder> {
  const record = keyId === undefined ? undefined : await currentAiKey(context, keyId);
  if (!record) {
    throw new Problem("ai_key_not_found", "Send an AI key as `Authorization: Bearer <key>` to see what is left of it.");
  }
  const now = context.clock.now();
  const { from, to } = monthToDate(now);
  const [rows, provider] = await Promise.all([
    context.ledger.usage(aiKeyLedger(record.keyId).usage, from, to),
    context.records.get("ai-providers", record.aiProviderId),
  ]);
  const metered = rows.filter(isMetered);
  const { models, expiresAt, suspendsAt, status } = record.state;
  const isSuspended = status === "suspended" || hasEnded({ expiresAt: suspendsAt }, now);
  return {
    keyId: record.keyId,
    provider: record.provider,
    mode: record.mode,
    status: isSuspended ? "suspended" : "active",
    ...(models && { models }),
    ...(expiresAt !== undefined && { expiresAt }),
    quotas: await readQuotaStates(context, record.keyId, effectiveQuotas(record, provider)),
    month: {
      requests: metered.reduce((total, row) => total + row.requests, 0),
      tokens: metered.reduce((total, row) => total + row.tokens, 0),
    },
  };
}
