import * as z from "zod/mini";
import { Problem } from "../../errors.ts";
import { agentIndexState } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import { type IndexEntry, indexEntry } from "./index-entry.ts";

type Reconciling = Pick<Context, "records" | "ledger" | "clock" | "agentIndex" | "mostBulkChanges">;

/** Agents whose records are looked at in one go: on a Worker, a read of a hundred is one operation of a thousand. */
const pageSize = 1000;
/** Pages of one call, where those of an invocation are bounded: each takes up to a hundred and fifty operations. */
const boundedPages = 3;
/** A whole pass over the records is made so often; what writes them all keep the index by itself. */
const passMs = 3_600_000;

const State = z.object({
  /** Every record was looked at once since the index was begun. */
  complete: z.boolean(),
  /** The pass under way goes on behind this id. */
  cursor: z.optional(z.string()),
  /** When the last pass ended. */
  at: z.optional(z.number()),
});
type State = z.infer<typeof State>;

async function readState({ ledger }: Pick<Reconciling, "ledger">): Promise<State> {
  const text = await ledger.get(agentIndexState);
  const known = text === undefined ? undefined : State.safeParse(JSON.parse(text)).data;
  return known ?? { complete: false };
}

/**
 * Brings the index to what the records say, a page at a time: after an upgrade, a restored copy, or a process that
 * died between a record and its entry.
 */
export async function reconcileIndex(context: Reconciling): Promise<void> {
  const state = await readState(context);
  const isUnderWay = !state.complete || state.cursor !== undefined;
  if (isUnderWay || context.clock.now() - (state.at ?? 0) >= passMs) await reconcilePage(context, state);
}

/** @returns whether every agent is in it now; where an invocation is bounded, it may take several calls */
export async function completeIndex(context: Reconciling): Promise<boolean> {
  const mostPages = context.mostBulkChanges === undefined ? Number.POSITIVE_INFINITY : boundedPages;
  for (let page = 0; page < mostPages; page++) {
    const state = await readState(context);
    if (state.complete) return true;
    await reconcilePage(context, state);
  }
  return (await readState(context)).complete;
}

/** @throws Problem `not_ready` while the index is being built */
export async function requireIndex(context: Reconciling): Promise<void> {
  if (await completeIndex(context)) return;
  throw new Problem("not_ready", "The index of agents is being built; try again in a moment.", {
    headers: { "retry-after": "2" },
  });
}

async function reconcilePage(context: Reconciling, { complete, cursor }: State): Promise<void> {
  const { records, ledger, clock, agentIndex } = context;
  const page = await records.list("agents", { cursor, limit: pageSize });
  const inRange = (agentId: string): boolean =>
    (cursor === undefined || agentId > cursor) && (page.nextCursor === undefined || agentId <= page.nextCursor);
  const entries = new Map((await agentIndex.entries()).map((entry) => [entry.agentId, entry]));
  const changes = new Map<string, IndexEntry | undefined>();
  for (const record of page.items) {
    const entry = indexEntry(record);
    const known = entries.get(record.agentId);
    if (!known || JSON.stringify(known) !== JSON.stringify(entry)) changes.set(record.agentId, entry);
    entries.delete(record.agentId);
  }
  for (const agentId of entries.keys()) {
    // A list may lag behind an agent that was just made.
    if (inRange(agentId) && (await records.get("agents", agentId)) === undefined) changes.set(agentId, undefined);
  }
  if (changes.size > 0) await agentIndex.write(changes);
  const next: State =
    page.nextCursor === undefined ? { complete: true, at: clock.now() } : { complete, cursor: page.nextCursor };
  await ledger.put(agentIndexState, JSON.stringify(next));
}

/** One agent's entry, where a process may have died between the record and it: the next pass may be an hour away. */
export async function reconcileEntry(
  { records, agentIndex }: Pick<Reconciling, "records" | "agentIndex">,
  agentId: string,
): Promise<void> {
  const record = await records.get("agents", agentId);
  await agentIndex.write(new Map([[agentId, record && indexEntry(record)]]));
}

/** Agents whose end has come, and is not noted yet. */
export async function agentsDue({ agentIndex, clock }: Pick<Context, "agentIndex" | "clock">): Promise<string[]> {
  const now = clock.now();
  const entries = await agentIndex.entries();
  return entries
    .filter(({ expiresAt, endedAt }) => expiresAt !== undefined && !endedAt && Date.parse(expiresAt) <= now)
    .map(({ agentId }) => agentId);
}
