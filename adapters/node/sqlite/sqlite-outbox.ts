import type { Clock, Outbox } from "../../../src/ports.ts";
import type { OutboxSql } from "../../sql/outbox-rows.ts";
import { createSqlOutbox } from "../../sql/sql-outbox.ts";
import type { SqliteTransactions } from "./sqlite-transactions.ts";

/** The outbox in the ledger's file: what a settlement puts into it is committed with the settlement. */
export function createSqliteOutbox(
  db: OutboxSql,
  { write, read }: Pick<SqliteTransactions, "read" | "write">,
  clock: Clock,
): Outbox {
  const rows = createSqlOutbox(db);
  return {
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
}
