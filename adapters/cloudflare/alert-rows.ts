import { DurableObject } from "cloudflare:workers";
import type { ActivitySample, DeliveryAttempt, DeliveryState, Outbox, OutboxMessage } from "../../src/ports.ts";
import { createActivityLog } from "../../src/service/events/activity.ts";
import { type OutboxSql, outboxSchema } from "../sql/outbox-rows.ts";
import { createSqlOutbox, type SqlOutbox } from "../sql/sql-outbox.ts";

const version = 1;

/**
 * The outbox's rows in one Durable Object. The object is single-threaded and its SQL synchronous, so that each call is a
 * transaction by itself. `now` is the caller's clock.
 */
export abstract class AlertRows<Env = unknown> extends DurableObject<Env> {
  readonly #rows: SqlOutbox;
  readonly #activity = createActivityLog(Date.now);
  protected alarmAt = Number.POSITIVE_INFINITY;
  /** How far the callers' clock is ahead of the machine's, on which alarms run. */
  #ahead = 0;

  constructor(context: DurableObjectState, env: Env) {
    super(context, env);
    prepare(context.storage);
    this.#rows = createSqlOutbox(outboxSql(context.storage.sql));
    context.blockConcurrencyWhile(async () => {
      this.alarmAt = (await context.storage.getAlarm()) ?? Number.POSITIVE_INFINITY;
    });
  }

  put(now: number, message: OutboxMessage) {
    return this.#write(now, (rows) => rows.put(now, message));
  }

  take(now: number, limit: number, leaseMs: number, except: readonly string[]) {
    return this.#write(now, (rows) => (rows.isDue(now) ? rows.take(now, limit, leaseMs, except) : []));
  }

  spread(now: number, cause: string, lease: string, messageId: string, endpoints: readonly string[], data?: string) {
    return this.#write(now, (rows) => rows.spread(now, cause, lease, messageId, endpoints, data));
  }

  begin(now: number, message: OutboxMessage, messageId: string, endpoint: string, leaseMs: number) {
    return this.#write(now, (rows) => rows.begin(now, message, messageId, endpoint, leaseMs));
  }

  record(
    now: number,
    delivery: { endpoint: string; messageId: string; lease: string },
    outcome: { state: DeliveryState; dueAt?: number },
    attempt?: DeliveryAttempt,
  ) {
    return this.#write(now, (rows) => rows.record(delivery, outcome, attempt));
  }

  deliveries(now: number, endpoint: string, limit: number, cursor?: string) {
    return this.#rows.deliveries(now, endpoint, limit, cursor);
  }

  resend(now: number, endpoint: string, messageId: string) {
    return this.#write(now, (rows) => rows.resend(now, endpoint, messageId));
  }

  discard(now: number, endpoint: string) {
    return this.#write(now, (rows) => rows.discard(endpoint));
  }

  nextDue(_now: number) {
    return this.#rows.nextDue();
  }

  recent(_now: number, after: number | undefined, limit: number) {
    return this.#rows.recent(after, limit);
  }

  publishActivity(sample: ActivitySample) {
    return this.#activity.publish(sample);
  }

  activitySince(cursor: string | undefined) {
    return this.#activity.since(cursor);
  }

  /** The port within the object itself: the way around it would be a request to itself. */
  protected outbox(now: () => number): Outbox {
    return {
      put: async (message) => this.put(now(), message),
      take: async ({ limit, leaseMs, except = [] }) => this.take(now(), limit, leaseMs, except),
      spread: async (...args) => this.spread(now(), ...args),
      begin: async (...args) => this.begin(now(), ...args),
      record: async (...args) => this.record(now(), ...args),
      deliveries: async (endpoint, { limit, cursor }) => this.deliveries(now(), endpoint, limit, cursor),
      resend: async (...args) => this.resend(now(), ...args),
      discard: async (endpoint) => this.discard(now(), endpoint),
      nextDue: async () => this.nextDue(now()),
      recent: async (...args) => this.recent(now(), ...args),
    };
  }

  #write<T>(now: number, work: (rows: SqlOutbox) => T): T {
    this.#ahead = now - Date.now();
    const result = this.ctx.storage.transactionSync(() => work(this.#rows));
    this.wakeWhenDue();
    return result;
  }

  /** Endpoints to which nothing is sent for now, and until when. */
  protected abstract pauses(): ReadonlyMap<string, number>;

  protected wakeWhenDue(): void {
    const pauses = this.pauses();
    // A delivery that waits for the end of a pause would wake it at once, again and again.
    const due = this.#rows.nextDue([...pauses.keys()]);
    const next = Math.min(due ?? Number.POSITIVE_INFINITY, ...pauses.values());
    if (next !== Number.POSITIVE_INFINITY) this.wake(Math.max(Date.now(), next - this.#ahead));
  }

  protected wake(at: number): void {
    if (at >= this.alarmAt) return;
    this.alarmAt = at;
    // Not awaited: it is written with the rest, and a failure breaks the object and with it this answer.
    void this.ctx.storage.setAlarm(at);
  }
}

function prepare(storage: DurableObjectStorage): void {
  const { sql } = storage;
  const [found] = [...sql.exec("SELECT name FROM sqlite_master WHERE name = 'schema_version'")];
  const stored = found ? Number(sql.exec("SELECT version FROM schema_version").one().version) : 0;
  if (stored > version) {
    throw new Error(`the alerts were written by a newer release (version ${stored}): deploy that release`);
  }
  if (stored === version) return;
  storage.transactionSync(() => {
    sql.exec(outboxSchema);
    sql.exec("CREATE TABLE schema_version (version INTEGER PRIMARY KEY) WITHOUT ROWID");
    sql.exec("INSERT INTO schema_version (version) VALUES (?)", version);
  });
}

/** An object's SQL keeps the statements that it was asked before. */
function outboxSql(sql: SqlStorage): OutboxSql {
  type Values = (string | number | null)[];
  const rows = <Row>(query: string, values: Values = []) => [...sql.exec(query, ...values).raw()] as unknown as Row[];
  return {
    prepare: (query) => ({
      run(...values) {
        rows(query, values);
        return { changes: rows<[number]>("SELECT changes()")[0]![0] };
      },
      get: <Row extends readonly unknown[]>(...values: Values) => rows<Row>(query, values)[0],
      all: <Row extends readonly unknown[]>(...values: Values) => rows<Row>(query, values),
    }),
  };
}
