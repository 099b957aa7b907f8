import type { Delivery, DeliveryState, OutboxMessage } from "../../src/ports.ts";
import type { SqlStatement } from "./sql-driver.ts";

/** As much of a SQLite database as the outbox needs. */
export interface OutboxSql {
  prepare(query: string): Omit<SqlStatement, "iterate">;
}

/**
 * | table      | a row is                                                                                   |
 * |------------|--------------------------------------------------------------------------------------------|
 * | messages   | one cause; `due_at` until it is spread, `seq` and `id` from then on                         |
 * | deliveries | one message for one endpoint; `due_at` while it is pending                                  |
 *
 * A lease is a `due_at` in the future and a text that its holder has to show.
 */
export const outboxSchema = `
  CREATE TABLE messages (cause TEXT PRIMARY KEY, type TEXT NOT NULL, at INTEGER NOT NULL, data TEXT NOT NULL,
    used INTEGER, due_at INTEGER, lease TEXT, seq INTEGER, id TEXT, keep_until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX messages_due ON messages (due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX messages_seq ON messages (seq) WHERE seq IS NOT NULL;
  CREATE INDEX messages_kept ON messages (keep_until);
  CREATE TABLE deliveries (endpoint TEXT NOT NULL, id TEXT NOT NULL, cause TEXT NOT NULL, created_at INTEGER NOT NULL,
    state TEXT NOT NULL, attempts INTEGER NOT NULL, due_at INTEGER, lease TEXT, last_at INTEGER, last_ms INTEGER,
    status INTEGER, error TEXT, PRIMARY KEY (endpoint, id)) STRICT, WITHOUT ROWID;
  CREATE INDEX deliveries_due ON deliveries (due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX deliveries_created ON deliveries (created_at);
`;

export const outboxMemoryMs = 7 * 86_400_000;

/** When the last delivery of the page before was made, and its message. */
export const cursorParts = (cursor: string | undefined): string[] =>
  /^(\d{1,15})\.(\w+)$/.exec(cursor ?? "")?.slice(1) ?? [];

/** @param found one more than `limit` where another page follows */
export function deliveryPage(found: Delivery[], limit: number): { deliveries: Delivery[]; nextCursor?: string } {
  const deliveries = found.slice(0, limit);
  const last = deliveries.at(-1);
  return found.length > limit && last
    ? { deliveries, nextCursor: `${last.createdAt}.${last.messageId}` }
    : { deliveries };
}

export type MessageRow = [cause: string, type: string, at: number, data: string, used: number | null];
export type DeliveryRow = [
  id: string,
  type: string,
  createdAt: number,
  state: DeliveryState,
  attempts: number,
  dueAt: number | null,
  lastAt: number | null,
  lastMs: number | null,
  status: number | null,
  error: string | null,
];

/** A row as the port has it. */
export const messageOf = ([cause, type, at, data, used]: MessageRow): OutboxMessage => ({
  cause,
  type,
  at,
  data,
  ...(used !== null && { used }),
});

/** Puts a message, unless its cause is known, into whichever database has the outbox's tables. */
export function messageInsert(sql: OutboxSql): (message: OutboxMessage) => boolean {
  const insert = sql.prepare(
    `INSERT INTO messages (cause, type, at, data, used, due_at, keep_until) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (cause) DO NOTHING`,
  );
  return ({ cause, type, at, data, used, dueAt = at, keepUntil }) =>
    insert.run(cause, type, at, data, used ?? null, dueAt, keepUntil ?? dueAt + outboxMemoryMs).changes > 0;
}

/** A row as the port has it. */
export function deliveryOf(endpoint: string, row: DeliveryRow): Delivery {
  const [messageId, type, createdAt, state, attempts, dueAt, lastAt, lastMs, status, error] = row;
  return {
    endpoint,
    messageId,
    type,
    createdAt,
    state,
    attempts,
    ...(dueAt !== null && { dueAt }),
    ...(lastAt !== null && {
      last: { at: lastAt, ms: lastMs ?? 0, ...(status !== null && { status }), ...(error !== null && { error }) },
    }),
  };
}
