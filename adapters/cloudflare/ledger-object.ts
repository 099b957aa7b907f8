import { DurableObject } from "cloudflare:workers";
import { periodOf, staleReservationMs } from "../../src/domain/quota.ts";
import type { CounterReservation, LedgerName, RateRule, UsageEntry, UsageQuery } from "../../src/ports.ts";
import type { FleetReport } from "../sql/sql-fleet.ts";
import type { AlertRows } from "./alert-rows.ts";
import { createLedgerShard, hourMs, type LedgerShard } from "./ledger-shard.ts";
import { leftoverNote } from "./leftovers.ts";
import { createShardReports } from "./shard-reports.ts";

interface Env {
  RECORDS: KVNamespace;
  ALERTS: DurableObjectNamespace<AlertRows>;
  LEDGER: DurableObjectNamespace<LedgerObject>;
}

/** After an outbox that could not be reached. */
const againMs = 30_000;

/**
 * One shard of the ledger. The object is single-threaded and its SQL synchronous, so that each call is a transaction
 * by itself; its answer leaves only when what it wrote is durable. `now` is the caller's clock.
 */
export class LedgerObject extends DurableObject<Env> {
  readonly #shard: LedgerShard;
  readonly #note: ReturnType<typeof leftoverNote>;
  readonly #reports: ReturnType<typeof createShardReports>;
  /** Most of what is under way has ended by then, and is told at once. */
  protected readonly reportAfterMs: number = 15_000;
  #prepared = false;
  #alarmAt = Number.POSITIVE_INFINITY;
  /** How far the callers' clock is ahead of the machine's, on which alarms run. */
  #ahead = 0;

  constructor(context: DurableObjectState, env: Env) {
    super(context, env);
    this.#shard = createLedgerShard(context.storage);
    this.#reports = createShardReports({
      read: (work) => this.#read(work),
      write: (now, work) => this.#write(now, null, work),
      wakeSoon: () => this.#wake(Date.now() + this.reportAfterMs),
      send: async (fleet, now, report) => await env.LEDGER.get(env.LEDGER.idFromString(fleet)).takeReport(now, report),
    });
    this.#note = leftoverNote(env.RECORDS, context.id.toString());
    context.blockConcurrencyWhile(async () => {
      this.#alarmAt = (await context.storage.getAlarm()) ?? Number.POSITIVE_INFINITY;
    });
  }

  take(now: number, bucket: LedgerName, rule: RateRule, cost: number) {
    return this.#write(now, hourMs, (shard) => shard.take(now, bucket, rule, cost));
  }

  seen(_now: number, bucket: LedgerName) {
    return this.#read((shard) => shard.seen(bucket));
  }

  /** @param fleet the object that sums up what all of them hold */
  reserve(
    now: number,
    fleet: string,
    id: LedgerName,
    entries: CounterReservation[],
    expect?: { name: LedgerName; text: string },
  ) {
    return this.#write(now, staleReservationMs, (shard) => {
      const answer = shard.reserve(now, id, entries, expect);
      // A refusal changes nothing but the limit under which it was asked.
      const isNew = (one: { counter: string; period: string }) => shard.rows.row(one.counter, one.period).isChanged;
      const tells = answer.outcome === "exceeded" ? isNew(answer.exceeded) : answer.outcome === "reserved";
      if (tells && entries.some(({ limit }) => limit !== null)) this.#reports.noteChanged(shard, now, fleet, id);
      return answer;
    });
  }

  settle(
    now: number,
    fleet: string,
    id: LedgerName,
    actual: Record<LedgerName, number> | "reserved",
    usage?: UsageEntry,
  ) {
    this.#write(now, null, (shard) => {
      shard.settle(now, id, actual, usage);
      this.#reports.noteChanged(shard, now, fleet, id, usage?.day);
    });
    this.#bringSoon();
  }

  /** Takes another object's report of its counts. */
  takeReport(now: number, report: FleetReport) {
    return this.#write(now, null, (shard) => shard.takeReport(report));
  }

  topUsage(now: number, query: UsageQuery) {
    return this.#read((shard) => shard.topUsage(periodOf("day", now), query));
  }

  nearLimit(_now: number, query: { minShare: number; limit: number; periods: readonly string[] }) {
    return this.#read((shard) => shard.nearLimit(query));
  }

  async settleStale(now: number, prefix: string, olderThanMs: number, fleet: string) {
    const settled = this.#write(now, null, (shard) => {
      const lost = shard.settleStale(now, prefix, olderThanMs);
      for (const usage of lost) this.#reports.noteChanged(shard, now, fleet, prefix as LedgerName, usage?.day);
      return lost.length;
    });
    this.#bringSoon();
    await this.#tidyNote(now);
    return settled;
  }

  creditEstimates(now: number, fleet: string, name: LedgerName, since: number) {
    return this.#write(now, null, (shard) => {
      for (const day of shard.estimatedDays(name, since)) this.#reports.noteChanged(shard, now, fleet, name, day);
      return shard.creditEstimates(name, since);
    });
  }

  used(_now: number, counter: LedgerName, period: string) {
    return this.#read((shard) => shard.used(counter, period));
  }

  usage(_now: number, name: LedgerName, from: string, to: string) {
    return this.#read((shard) => shard.usage(name, from, to));
  }

  async forget(now: number, fleet: string, prefix: LedgerName) {
    await this.#reports.forget(now, fleet, prefix);
  }

  readText(now: number, name: LedgerName) {
    return this.#read((shard) => shard.get(now, name));
  }

  readTexts(now: number, names: readonly LedgerName[]) {
    return this.#read((shard) => names.map((name) => shard.get(now, name)));
  }

  writeText(now: number, name: LedgerName, text: string | undefined, ttlMs?: number) {
    return this.#write(now, ttlMs ?? null, (shard) => shard.put(now, name, text, ttlMs));
  }

  replaceText(
    now: number,
    name: LedgerName,
    expected: string | undefined,
    text: string | undefined,
    ttlMs: number | undefined,
  ) {
    return this.#write(now, ttlMs ?? null, (shard) => shard.replace(now, name, expected, text, ttlMs));
  }

  renew(now: number, name: LedgerName, claim: { owner: string; ttlMs: number | null; note?: string; from?: string }) {
    return this.#write(now, claim.ttlMs, (shard) => shard.renew(now, name, claim));
  }

  holder(_now: number, name: LedgerName) {
    return this.#read((shard) => shard.holder(name));
  }

  claim(now: number, name: LedgerName, claim: { owner: string; ttlMs: number | null; note?: string }) {
    return this.#write(now, claim.ttlMs, (shard) => shard.claim(now, name, claim));
  }

  release(now: number, name: LedgerName, owner: string) {
    return this.#write(now, null, (shard) => shard.release(name, owner));
  }

  async endingLeases(now: number) {
    const leases = this.#read((shard) => shard.ending(now));
    await this.#tidyNote(now);
    return leases;
  }

  override async alarm() {
    this.#alarmAt = Number.POSITIVE_INFINITY;
    const now = Date.now() + this.#ahead;
    this.#write(now, null, (shard) => shard.sweep(now));
    await this.#bring(now);
    await this.#reports.tell(now);
    if (this.#shard.isEmpty()) return await this.#vanish();
    const next = this.#shard.nextSweep(now);
    if (next !== undefined) this.#wake(next - this.#ahead);
    if (this.#shard.hasLeftovers(now)) await this.#note.leave();
  }

  #bringSoon() {
    if (this.#shard.passed().length > 0) this.#wake(Date.now());
  }

  /** A message that stays here is brought again: the outbox takes a cause once. */
  async #bring(now: number) {
    const passed = this.#shard.passed();
    if (passed.length === 0) return;
    try {
      const { ALERTS } = this.env;
      const outbox = ALERTS.get(ALERTS.idFromName("alerts"));
      for (const message of passed) await outbox.put(now, message);
      this.#write(now, null, (shard) => shard.brought(passed.map(({ cause }) => cause)));
      this.#bringSoon();
    } catch (cause) {
      console.error("alerts could not be brought to the outbox; it is tried again", String(cause));
      this.#wake(Date.now() + againMs);
    }
  }

  /** An empty object costs nothing; the tables come back with the next call. */
  async #vanish() {
    this.#prepared = false;
    // One that was set meanwhile is deleted as well.
    this.#alarmAt = Number.POSITIVE_INFINITY;
    this.#shard.caches.clear();
    await this.ctx.storage.deleteAll();
  }

  #read<T>(work: (shard: LedgerShard) => T): T {
    this.#prepare();
    return work(this.#shard);
  }

  #prepare() {
    if (this.#prepared) return;
    // An object that was only asked about must not stay for ever.
    if (this.#shard.migrate()) this.#wake(Date.now() + hourMs);
    this.#prepared = true;
  }

  /** @param sweepIn after how many milliseconds there may be something to sweep; `null` where the call adds nothing */
  #write<T>(now: number, sweepIn: number | null, work: (shard: LedgerShard) => T): T {
    this.#ahead = now - Date.now();
    this.#prepare();
    const result = this.#commit(work);
    if (sweepIn !== null) this.#wake(Date.now() + sweepIn);
    return result;
  }

  /** The rows read stay true for the next call: nobody else has this database. */
  #commit<T>(work: (shard: LedgerShard) => T): T {
    const { caches } = this.#shard;
    try {
      return this.ctx.storage.transactionSync(() => {
        const result = work(this.#shard);
        caches.flush();
        return result;
      });
    } catch (error) {
      caches.clear();
      this.#reports.unnote();
      throw error;
    }
  }

  #wake(at: number) {
    if (at >= this.#alarmAt) return;
    this.#alarmAt = at;
    // Not awaited: it is written with the rest, and a failure breaks the object and with it this answer.
    void this.ctx.storage.setAlarm(at);
  }

  async #tidyNote(now: number) {
    if (this.#read((shard) => shard.hasLeftovers(now))) return;
    // A note that stays is another visit; KV refuses the second removal of one second.
    await this.#note.remove().catch((cause: unknown) => console.error("a note could not be removed", String(cause)));
  }
}
