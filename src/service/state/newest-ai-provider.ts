import { AiProviderRecord } from "../../schema/ai-provider.ts";
import { aiProviderRecent } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";

const versionOf = (record: AiProviderRecord): number => record.version ?? 0;

type PreviousKeys = NonNullable<AiProviderRecord["previous"]>;

/** Those that are in their grace still. */
export const livePrevious = (previous: PreviousKeys | undefined, now: number): PreviousKeys =>
  previous?.filter(({ until }) => Date.parse(until) > now) ?? [];

/** @param text the ledger's, under `aiProviderRecent` */
export const readRecent = (text: string | undefined): AiProviderRecord | undefined =>
  text === undefined ? undefined : AiProviderRecord.parse(JSON.parse(text));

/** The newer one of a record, which may lag (KV by a minute), and the ledger's, which never does. */
export const newerOf = (record: AiProviderRecord, recent: AiProviderRecord | undefined): AiProviderRecord =>
  recent && versionOf(recent) > versionOf(record) ? recent : record;

/** The AI provider as it was changed last, however much its record lags. */
export async function newestAiProvider(
  { ledger }: Pick<Context, "ledger">,
  record: AiProviderRecord,
): Promise<AiProviderRecord> {
  return newerOf(record, readRecent(await ledger.get(aiProviderRecent(record.id))));
}

/**
 * Writes the next version of an AI provider where nobody has written one since. The ledger decides, and the record
 * follows: a process that slept in between gives no revoked one back, nor a master key that was replaced.
 *
 * @returns the record as it is now; `undefined` where another change came first
 */
export async function writeAiProvider(
  { ledger, records }: Pick<Context, "ledger" | "records">,
  before: AiProviderRecord,
  change: Partial<AiProviderRecord>,
): Promise<AiProviderRecord | undefined> {
  const name = aiProviderRecent(before.id);
  const known = await ledger.get(name);
  if (newerOf(before, readRecent(known)) !== before) return undefined;
  const next: AiProviderRecord = { ...before, ...change, version: versionOf(before) + 1 };
  if (!(await ledger.replace(name, known, JSON.stringify(next)))) return undefined;
  await bringRecordTo(records, next);
  return next;
}

/** Writes the record too, where the process that changed the AI provider died before it could. */
export async function followNewest(
  context: Pick<Context, "ledger" | "records">,
  record: AiProviderRecord,
): Promise<AiProviderRecord> {
  const newest = await newestAiProvider(context, record);
  if (newest !== record) await bringRecordTo(context.records, newest);
  return newest;
}

async function bringRecordTo(records: Context["records"], newest: AiProviderRecord): Promise<void> {
  const isOlder = (now: AiProviderRecord | undefined) => now !== undefined && versionOf(now) < versionOf(newest);
  await records.replace("ai-providers", newest.id, isOlder, newest);
}
