import type { Redis } from "ioredis";
import { type ChainHead, genesis, linkEvent, verifyLine } from "../../../src/domain/audit-chain.ts";
import type { AuditEvent } from "../../../src/domain/audit-event.ts";
import { isProblem, Problem } from "../../../src/errors.ts";
import type { AuditTrail, AuditVerdict, Clock } from "../../../src/ports.ts";
import type { AuditRecord } from "../../../src/schema/audit-event.ts";
import { lineMatcher, matchesFilter, recordInLine } from "../../../src/storage/audit-line.ts";
import { groupCommit } from "../files/group-commit.ts";
import { sha256 } from "../sha256.ts";
import { answered } from "./redis-connection.ts";
import { type RedisArgument, redisScript } from "./redis-script.ts";

const pageSize = 500;
const mostPerAppend = 500;

type Entry = [id: string, fields: string[]];
const lineOf = ([, fields]: Entry): string => fields[1] ?? "";

/** An entry under a number that the stream has is refused: the head is behind it, or gone. */
const isBehind = (error: unknown): boolean =>
  isProblem(error) && error.cause instanceof Error && error.cause.message.includes("equal or smaller");
const headOf = (seq: number): string => (seq === 0 ? "its head is gone" : `its head stands at event ${seq}`);

const recordIn = (entry: Entry): AuditRecord | undefined => recordInLine(lineOf(entry));

/**
 * One chain for every process that shares the Redis: a stream of lines, and the chain's head beside it. A process links
 * its events onto the head it knows; where another was faster, the script hands it the new head and it links again.
 *
 * An appended event is as durable as Redis is set to make it: see `createRedisLedger`. An append whose answer was lost
 * is refused to the caller and may stand in the trail nevertheless: an event too many, never one too few.
 */
export function createRedisAudit(redis: Redis, prefix: string, clock: Clock): AuditTrail {
  // One hash tag: the script works on both.
  const headKey = `{${prefix}-audit}:head`;
  const streamKey = `{${prefix}-audit}:stream`;
  const appendAfter = redisScript<[1] | [0, number, string]>(redis, "append-audit");
  const read = <T>(work: () => Promise<T>) => answered(redis, "store_unreadable", work);
  let known: ChainHead = genesis;
  let last: Promise<void> = Promise.resolve();

  async function appendBatch(events: AuditEvent[]): Promise<void> {
    const time = new Date(clock.now()).toISOString();
    for (;;) {
      let head = known;
      const lines: RedisArgument[] = [];
      for (const event of events) {
        const link = await linkEvent(head, event, time, sha256);
        lines.push(link.line);
        head = link.head;
      }
      const [done, seq, hash] = await answered(redis, "audit_unwritable", () =>
        appendAfter([headKey, streamKey], [known.seq, known.hash, head.seq, head.hash, ...lines]),
      ).catch(async (error) => {
        if (isBehind(error)) await requireHead();
        throw error;
      });
      if (done === 1) {
        known = head;
        return;
      }
      known = seq === 0 ? genesis : { seq: seq ?? 0, hash: hash ?? "" };
    }
  }

  const append = groupCommit<AuditEvent>(async (events) => {
    for (let i = 0; i < events.length; i += mostPerAppend) await appendBatch(events.slice(i, i + mostPerAppend));
  });

  async function storedHead(): Promise<ChainHead> {
    const [seq, hash] = await redis.hmget(headKey, "seq", "hash");
    return seq == null || hash == null ? genesis : { seq: Number(seq), hash };
  }

  /** What is appended meanwhile moves the stream's end and the head at once: the head, asked for last, is no earlier. */
  async function requireHead(): Promise<void> {
    const [[newest], { seq }] = await answered(redis, "audit_unwritable", () =>
      Promise.all([redis.xrevrange(streamKey, "+", "-", "COUNT", 1), storedHead()]),
    );
    const last = Number(newest?.[0].split("-")[0] ?? 0);
    if (last <= seq) return;
    throw new Problem(
      "audit_unwritable",
      `The audit trail in Redis ends at event ${last}, but ${headOf(seq)}, so that nothing can follow. ` +
        'Run "provisioning audit verify": it checks the events, and says how to set the head again.',
    );
  }

  async function verify(): Promise<AuditVerdict> {
    // The head first: what is appended from now on stands behind it.
    const remembered = await storedHead();
    let head = genesis;
    let count = 0;
    const fault = (line: number, reason: string, remedy?: string): AuditVerdict => ({
      ok: false,
      events: count,
      fault: { line, reason, ...(remedy !== undefined && { remedy }) },
    });
    for (let from = "-"; ; ) {
      const entries: Entry[] = await redis.xrange(streamKey, from, "+", "COUNT", pageSize);
      for (const entry of entries) {
        const step = await verifyLine(head, lineOf(entry), sha256);
        if (!step.ok) return fault(count + 1, step.reason);
        head = step.head;
        count++;
        if (entry[0] !== `${head.seq}-0`) return fault(count, `event ${head.seq} stands under the id ${entry[0]}`);
        if (head.seq === remembered.seq && head.hash !== remembered.hash) {
          return fault(count, `event ${head.seq} is not the one that was remembered as the last`);
        }
      }
      const end = entries.at(-1);
      if (end === undefined || entries.length < pageSize) break;
      from = `(${end[0]}`;
    }
    if (head.seq < remembered.seq) {
      return fault(count + 1, `the end is missing: events ${head.seq + 1} to ${remembered.seq} were cut off`);
    }
    const behind = head.seq > remembered.seq ? await storedHead() : head;
    if (behind.seq < head.seq) {
      const command = `redis-cli -n ${redis.options.db ?? 0} HSET '${headKey}' seq ${head.seq} hash ${head.hash}`;
      const reason = `all events up to ${head.seq} are whole, but ${headOf(behind.seq)}: no change can be made`;
      return fault(count, reason, `find out what took it, and set it again: ${command}`);
    }
    return { ok: true, events: count };
  }

  return {
    append(event) {
      last = append(event);
      return last;
    },

    async read({ limit, cursor, filter = {} }) {
      const events: AuditRecord[] = [];
      const isSought = lineMatcher(filter);
      for (let to = cursor === undefined ? "+" : `(${cursor}-0`; ; ) {
        const entries: Entry[] = await read(() => redis.xrevrange(streamKey, to, "-", "COUNT", pageSize));
        for (const entry of entries) {
          const record = isSought(lineOf(entry)) ? recordIn(entry) : undefined;
          if (record === undefined || !matchesFilter(record, filter)) continue;
          const oldest = events.at(-1);
          if (events.length >= limit) return oldest === undefined ? { events } : { events, nextCursor: oldest.seq };
          events.push(record);
        }
        const end = entries.at(-1);
        if (end === undefined || entries.length < pageSize) return { events };
        to = `(${end[0]}`;
      }
    },

    verify: () => read(verify),

    async check() {
      await Promise.all([
        answered(redis, "audit_unwritable", () => redis.hset(headKey, "checked", clock.now())),
        requireHead(),
      ]);
    },

    async close() {
      await last.catch(() => {});
    },
  };
}
