import { DurableObject } from "cloudflare:workers";
import { type ChainHead, genesis, linkEvent, type Sha256, verifyLine } from "../../src/domain/audit-chain.ts";
import type { AuditEvent, AuditFilter } from "../../src/domain/audit-event.ts";
import type { AuditVerdict } from "../../src/ports.ts";
import { sha256 } from "./sha256.ts";

/**
 * Lines beside the three fields that find few of them, and the head by itself: a tail that was cut off is missed by
 * the head. `action`, `actor` and `target` are read from the line and no part of what is verified.
 */
const tables = `
  CREATE TABLE IF NOT EXISTS lines (seq INTEGER PRIMARY KEY, line TEXT NOT NULL, action TEXT NOT NULL,
    actor TEXT NOT NULL, target TEXT);
  CREATE TABLE IF NOT EXISTS head (only INTEGER PRIMARY KEY CHECK (only = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS checks (only INTEGER PRIMARY KEY CHECK (only = 1), at INTEGER NOT NULL);
`;

/** `NULL` in a line that was damaged, which is read past. */
const field = (name: string) => `CASE WHEN json_valid(line) THEN line ->> '${name}' END`;
const day = `substr(${field("time")}, 1, 10)`;
const conditionsOf: [keyof AuditFilter, string][] = [
  ["action", "action = ?"],
  ["actor", "actor = ?"],
  ["target", "target = ?"],
  ["phase", `${field("phase")} = ?`],
  ["outcome", `${field("outcome")} = ?`],
  ["from", `${day} >= ?`],
  ["to", `${day} <= ?`],
];

interface Waiting {
  event: AuditEvent;
  time: string;
  done: (failure?: unknown) => void;
}

/** The one audit trail of a deployment: a chain, and so a single object. */
export class AuditObject extends DurableObject {
  readonly #sql: SqlStorage;
  readonly #sha256: Sha256 = sha256;
  #waiting: Waiting[] = [];
  #linking = false;

  constructor(context: DurableObjectState, env: unknown) {
    super(context, env as Cloudflare.Env);
    this.#sql = context.storage.sql;
    this.#sql.exec(tables);
  }

  /** Digests are asynchronous: what arrives while a batch is linked is the next batch. */
  append(time: string, event: AuditEvent): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ event, time, done: (failure) => (failure === undefined ? resolve() : reject(failure)) });
      if (!this.#linking) void this.#link();
    });
  }

  read(limit: number, cursor: number | undefined, filter: AuditFilter): { seq: number; line: string }[] {
    const conditions = ["seq < ?"];
    const values: SqlStorageValue[] = [cursor ?? Number.MAX_SAFE_INTEGER];
    for (const [name, condition] of conditionsOf) {
      if (filter[name] === undefined) continue;
      conditions.push(condition);
      values.push(filter[name]);
    }
    const query = `SELECT seq, line FROM lines WHERE ${conditions.join(" AND ")} ORDER BY seq DESC LIMIT ?`;
    return this.#sql.exec<{ seq: number; line: string }>(query, ...values, limit).toArray();
  }

  async verify(): Promise<AuditVerdict> {
    const expected = this.#head();
    let head = genesis;
    let line = 0;
    const fault = (reason: string): AuditVerdict => ({ ok: false, events: line, fault: { line: line + 1, reason } });
    for (let page = this.#page(-1); page.length > 0; page = this.#page(page.at(-1)!.seq)) {
      for (const row of page) {
        // Appended since the start: the next run's.
        if (row.seq > expected.seq && head.seq === expected.seq) break;
        const step = await verifyLine(head, row.line, this.#sha256);
        if (!step.ok) return fault(step.reason);
        head = step.head;
        line++;
      }
    }
    if (head.seq !== expected.seq || head.hash !== expected.hash) {
      return fault(`the trail ends at event ${head.seq}, but event ${expected.seq} was written`);
    }
    return { ok: true, events: line };
  }

  check(now: number): void {
    this.#sql.exec("INSERT OR REPLACE INTO checks (only, at) VALUES (1, ?)", now);
  }

  #head(): ChainHead {
    return this.#sql.exec<{ seq: number; hash: string }>("SELECT seq, hash FROM head").toArray()[0] ?? genesis;
  }

  #page(after: number): { seq: number; line: string }[] {
    return this.#sql
      .exec<{ seq: number; line: string }>("SELECT seq, line FROM lines WHERE seq > ? ORDER BY seq LIMIT 500", after)
      .toArray();
  }

  async #link(): Promise<void> {
    this.#linking = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      try {
        await this.#append(batch);
        for (const { done } of batch) done();
      } catch (failure) {
        for (const { done } of batch) done(failure);
      }
    }
    this.#linking = false;
  }

  async #append(batch: Waiting[]): Promise<void> {
    let head = this.#head();
    const linked: { seq: number; line: string; event: AuditEvent }[] = [];
    for (const { event, time } of batch) {
      const next = await linkEvent(head, event, time, this.#sha256);
      head = next.head;
      linked.push({ seq: head.seq, line: next.line, event });
    }
    this.ctx.storage.transactionSync(() => {
      for (const { seq, line, event } of linked) {
        this.#sql.exec(
          "INSERT INTO lines (seq, line, action, actor, target) VALUES (?, ?, ?, ?, ?)",
          seq,
          line,
          event.action,
          event.actor,
          event.target ?? null,
        );
      }
      this.#sql.exec("INSERT OR REPLACE INTO head (only, seq, hash) VALUES (1, ?, ?)", head.seq, head.hash);
    });
  }
}
