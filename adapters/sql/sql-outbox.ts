import type { DeliveryAttempt, DeliveryState, Due, OutboxMessage, SentMessage } from "../../src/ports.ts";
import {
  cursorParts,
  type DeliveryRow,
  deliveryOf,
  deliveryPage,
  type MessageRow,
  messageInsert,
  messageOf,
  type OutboxSql,
  outboxMemoryMs,
} from "./outbox-rows.ts";

const sweepEveryMs = 3_600_000;
const sweptAtOnce = 1_000;

const newLease = (): string => crypto.randomUUID();

export type SqlOutbox = ReturnType<typeof createSqlOutbox>;

/** The outbox over one SQLite database. Each call belongs inside a transaction. */
export function createSqlOutbox(sql: OutboxSql) {
  const insert = messageInsert(sql);
  const dueMessages = sql.prepare(
    `SELECT cause, type, at, data, used, due_at FROM messages WHERE due_at IS NOT NULL AND due_at <= ?
     ORDER BY due_at LIMIT ?`,
  );
  const leaseMessage = sql.prepare("UPDATE messages SET due_at = ?2, lease = ?3 WHERE cause = ?1");
  // The endpoints left out are few, and come as one JSON text. The index alone tells of thousands that wait for them.
  const dueDeliveries = sql.prepare(
    `SELECT m.cause, m.type, m.at, m.data, m.used, d.endpoint, d.id, d.attempts, d.due_at
     FROM (SELECT endpoint, id FROM deliveries WHERE due_at IS NOT NULL AND due_at < ?1
             AND endpoint NOT IN (SELECT value FROM json_each(?3)) ORDER BY due_at LIMIT ?2) AS due
       JOIN deliveries d ON d.endpoint = due.endpoint AND d.id = due.id JOIN messages m ON m.cause = d.cause
     ORDER BY d.due_at`,
  );
  const leaseDelivery = sql.prepare("UPDATE deliveries SET due_at = ?3, lease = ?4 WHERE endpoint = ?1 AND id = ?2");
  const spreadMessage = sql.prepare(
    `UPDATE messages SET due_at = NULL, lease = NULL, id = ?3, data = coalesce(?4, data), seq = (SELECT coalesce(max(seq), 0) + 1 FROM messages WHERE seq IS NOT NULL)
     WHERE cause = ?1 AND lease = ?2`,
  );
  const addDelivery = sql.prepare(
    `INSERT INTO deliveries (endpoint, id, cause, created_at, state, attempts, due_at, lease)
     VALUES (?, ?, ?, ?, 'pending', 0, ?, ?) ON CONFLICT DO NOTHING`,
  );
  const keep = sql.prepare("UPDATE messages SET keep_until = max(keep_until, ?2) WHERE cause = ?1");
  const attempted = sql.prepare(
    `UPDATE deliveries SET state = ?4, due_at = ?5, lease = NULL, attempts = attempts + 1, last_at = ?6, last_ms = ?7,
     status = ?8, error = ?9 WHERE endpoint = ?1 AND id = ?2 AND lease = ?3`,
  );
  const ended = sql.prepare(
    "UPDATE deliveries SET state = ?4, due_at = ?5, lease = NULL WHERE endpoint = ?1 AND id = ?2 AND lease = ?3",
  );
  const page = sql.prepare(
    `SELECT d.id, m.type, d.created_at, d.state, d.attempts, d.due_at, d.last_at, d.last_ms, d.status, d.error
     FROM deliveries d JOIN messages m ON m.cause = d.cause
     WHERE d.endpoint = ?1 AND (d.created_at < ?2 OR (d.created_at = ?2 AND d.id < ?3)) AND d.created_at > ?5
     ORDER BY d.created_at DESC, d.id DESC LIMIT ?4`,
  );
  const again = sql.prepare(
    `UPDATE deliveries SET state = 'pending', due_at = ?3, lease = NULL, attempts = 0
     WHERE endpoint = ?1 AND id = ?2 AND created_at > ?4`,
  );
  const discard = sql.prepare("DELETE FROM deliveries WHERE endpoint = ?");
  const next = sql.prepare(
    `SELECT min(at) FROM (SELECT min(due_at) AS at FROM messages WHERE due_at IS NOT NULL
     UNION ALL SELECT min(due_at) FROM deliveries WHERE due_at IS NOT NULL
       AND endpoint NOT IN (SELECT value FROM json_each(?)))`,
  );
  const since = sql.prepare(
    "SELECT cause, type, at, data, used, seq, id FROM messages WHERE seq IS NOT NULL AND seq > ? ORDER BY seq LIMIT ?",
  );
  const last = sql.prepare("SELECT max(seq) FROM messages WHERE seq IS NOT NULL");
  const sweepDeliveries = sql.prepare(
    `DELETE FROM deliveries WHERE (endpoint, id) IN
     (SELECT endpoint, id FROM deliveries WHERE created_at < ?1 AND due_at IS NULL LIMIT ${sweptAtOnce})`,
  );
  // The newest number stays: the next one follows from it. One list of causes serves all rows, for no index has them.
  const sweepMessages = sql.prepare(
    `DELETE FROM messages WHERE cause IN (SELECT cause FROM messages WHERE keep_until < ?1 AND due_at IS NULL
       AND seq < (SELECT max(seq) FROM messages WHERE seq IS NOT NULL)
       AND cause NOT IN (SELECT cause FROM deliveries) LIMIT ${sweptAtOnce})`,
  );
  let sweptAt = Number.NEGATIVE_INFINITY;

  function sweep(now: number): void {
    if (now - sweptAt < sweepEveryMs) return;
    const deliveries = Number(sweepDeliveries.run(now - outboxMemoryMs).changes);
    const messages = Number(sweepMessages.run(now).changes);
    if (deliveries < sweptAtOnce && messages < sweptAtOnce) sweptAt = now;
  }

  function put(now: number, message: OutboxMessage): boolean {
    sweep(now);
    return insert(message);
  }

  const nextDue = (except: readonly string[] = []): number | undefined =>
    next.get<[number | null]>(JSON.stringify(except))?.[0] ?? undefined;

  return {
    put,

    /** Whether `take` would find something: asked often, and without a write. */
    isDue(now: number): boolean {
      const at = nextDue();
      return at !== undefined && at <= now;
    },

    take(now: number, limit: number, leaseMs: number, except: readonly string[]): Due[] {
      sweep(now);
      const until = now + leaseMs;
      const messages = dueMessages.all<[...MessageRow, number]>(now, limit).map(([...row]) => ({
        dueAt: row[5],
        take(): Due {
          const lease = newLease();
          leaseMessage.run(row[0], until, lease);
          return { kind: "message", message: messageOf(row.slice(0, 5) as MessageRow), lease };
        },
      }));
      // Only deliveries that are due before the last of enough messages are looked through.
      const before = messages.length < limit ? now + 1 : messages.at(-1)!.dueAt;
      const deliveries = dueDeliveries
        .all<[...MessageRow, string, string, number, number]>(before, limit, JSON.stringify(except))
        .map(([...row]) => ({
          dueAt: row[8],
          take(): Due {
            const lease = newLease();
            const [endpoint, messageId, attempts] = [row[5], row[6], row[7]];
            leaseDelivery.run(endpoint, messageId, until, lease);
            const message = messageOf(row.slice(0, 5) as unknown as MessageRow);
            return { kind: "delivery", message, messageId, endpoint, attempts, lease };
          },
        }));
      return [...messages, ...deliveries]
        .sort((a, b) => a.dueAt - b.dueAt)
        .slice(0, limit)
        .map((one) => one.take());
    },

    spread(
      now: number,
      cause: string,
      lease: string,
      messageId: string,
      endpoints: readonly string[],
      data?: string,
    ): boolean {
      if (Number(spreadMessage.run(cause, lease, messageId, data ?? null).changes) === 0) return false;
      for (const endpoint of endpoints) addDelivery.run(endpoint, messageId, cause, now, now, null);
      keep.run(cause, now + outboxMemoryMs);
      return true;
    },

    begin(now: number, message: OutboxMessage, messageId: string, endpoint: string, leaseMs: number): string {
      const lease = newLease();
      put(now, message);
      leaseMessage.run(message.cause, now, lease);
      spreadMessage.run(message.cause, lease, messageId, null);
      addDelivery.run(endpoint, messageId, message.cause, now, now + leaseMs, lease);
      return lease;
    },

    record(
      { endpoint, messageId, lease }: { endpoint: string; messageId: string; lease: string },
      outcome: { state: DeliveryState; dueAt?: number },
      attempt?: DeliveryAttempt,
    ): void {
      const key = [endpoint, messageId, lease, outcome.state, outcome.dueAt ?? null] as const;
      if (attempt === undefined) ended.run(...key);
      else attempted.run(...key, attempt.at, attempt.ms, attempt.status ?? null, attempt.error ?? null);
    },

    deliveries(now: number, endpoint: string, limit: number, cursor?: string) {
      const [before, after] = cursorParts(cursor);
      const from = before === undefined ? Number.MAX_SAFE_INTEGER : Number(before);
      const rows = page.all<DeliveryRow>(endpoint, from, after ?? "", limit + 1, now - outboxMemoryMs);
      return deliveryPage(
        rows.map((row) => deliveryOf(endpoint, row)),
        limit,
      );
    },

    resend: (now: number, endpoint: string, messageId: string): boolean =>
      Number(again.run(endpoint, messageId, now, now - outboxMemoryMs).changes) > 0,
    discard: (endpoint: string): void => void discard.run(endpoint),
    nextDue,

    recent(after: number | undefined, limit: number): { messages: SentMessage[]; last: number } {
      const newest = last.get<[number | null]>()?.[0] ?? 0;
      if (after === undefined) return { messages: [], last: newest };
      const rows = since.all<[...MessageRow, number, string]>(after, limit);
      const messages = rows.map(([...row]) => ({
        seq: row[5],
        messageId: row[6],
        message: messageOf(row.slice(0, 5) as unknown as MessageRow),
      }));
      return { messages, last: messages.at(-1)?.seq ?? after };
    },
  };
}
