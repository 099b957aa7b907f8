import type { DatabaseSync } from "node:sqlite";
import type { Clock, Outbox } from "../../../src/ports.ts";
import { createSqlOutbox, type OutboxSql, type SqlOutbox } from "../../sql/sql-outbox.ts";
import type { SqliteTransactions } from "./sqlite-transactions.ts";

const sqlOf = (db: DatabaseSync): OutboxSql => ({
  prepare(query) {
    const statement = db.prepare(query);
    statement.setReturnArrays(true);
    return statement as unknown as ReturnType<OutboxSql["prepare"]>;
  },
});

/** The outbox in the ledger's file: what a settlement puts into it is committed with the settlement. */
export function createSqliteOutbox(
  db: DatabaseSync,
  { write, read }: Pick<SqliteTransactions, "read" | "write">,
  clock: Clock,
): { outbox: Outbox; rows: SqlOutbox } {
  const rows = createSqlOutbox(sqlOf(db));
  const outbox: Outbox = {
    put: (message) => write(() => rows.put(clock.now(), message)),
    async take({ limit, leaseMs, except = [] }) {
      // Every second, by every process: only who has something to take writes.
      if (!(await read(() => rows.isDue(clock.now())))) return [];
      return await write(() => rows.take(clock.now(), limit, leaseMs, except));
    },
    spread: (...spread) => write(() => rows.spread(clock.now(), ...spread)),
    begin: (message, messageId, endpoint, leaseMs) =>
      write(() => rows.begin(clock.now(), message, messageId, endpoint, leaseMs)),
    record: (delivery, outcome, attempt) => write(() => rows.record(delivery, outcome, attempt)),
    deliveries: (endpoint, { limit, cursor }) => read(() => rows.deliveries(clock.now(), endpoint, limit, cursor)),
    resend: (endpoint, messageId) => write(() => rows.resend(clock.now(), endpoint, messageId)),
    discard: (endpoint) => write(() => rows.discard(endpoint)),
    nextDue: () => read(() => rows.nextDue()),
    recent: (after, limit) => read(() => rows.recent(after, limit)),
  };
  return { outbox, rows };
}
