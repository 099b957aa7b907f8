import { setTimeout as sleep } from "node:timers/promises";
import { periodOf } from "../../../src/domain/quota.ts";
import type { Abandoned, Clock, CounterReservation, Ledger, LedgerName, Outbox, Reserved } from "../../../src/ports.ts";
import { ledgerMigrations } from "../../sql/ledger-schema.ts";
import type { SqlDriver, SqlStatement } from "../../sql/sql-driver.ts";
import { createSqlLedger } from "../../sql/sql-ledger.ts";
import type { MachineTime } from "../machine-time.ts";
import { createQuotaLeases, type ProcessLeases } from "./quota-leases.ts";
import { assertTrusted, openPrivateDatabase, storeProblem } from "./sqlite-file.ts";
import { createSqliteOutbox } from "./sqlite-outbox.ts";
import { createSqliteTransactions, whenFree } from "./sqlite-transactions.ts";

const sweepEveryMs = 60_000;
/** Others give back what they have leased within it, if they live. */
const patienceMs = 1_000;
const askAgainMs = 5;

/** The name and the text that a caller believes. */
interface Expected {
  name: LedgerName;
  text: string;
}

/** `path` is the file, which several processes of one machine may open. */
export interface SqliteLedgerOptions {
  path: string;
  clock: Clock;
  /** The time by which leases expire. Default: the clock, which an operator or NTP may set. */
  machineTime?: MachineTime | undefined;
}

/** The ledger of one machine, in WAL mode. */
export interface SqliteLedger extends Ledger {
  /** Kept in the same file. */
  outbox: Outbox;
}

/**
 * The ledger of one machine, shared by every process that opens the same file. A write resolves when it is
 * committed: from then on `kill -9` does not lose it.
 * @throws Problem `store_unreadable` (damaged, open to others, made by a newer release), `store_unwritable`
 */
export async function openSqliteLedger({ path, clock, machineTime }: SqliteLedgerOptions): Promise<SqliteLedger> {
  const explain = (error: unknown) => storeProblem(path, error);
  const db = await whenFree(() => openPrivateDatabase(path, ledgerMigrations)).catch((error) => {
    throw explain(error);
  });
  const { ino } = assertTrusted(path);
  const driver: SqlDriver = {
    prepare(query) {
      const statement = db.prepare(query);
      statement.setReturnArrays(true);
      // Node's types know no rows that are arrays.
      return statement as unknown as SqlStatement;
    },
  };
  let leases!: ProcessLeases;
  const sql = createSqlLedger(driver, {
    leasing(rows, texts) {
      const later = { flushLate: () => transactions.flushLate(), refresh: () => transactions.refresh() };
      leases = createQuotaLeases(driver, rows, texts, clock, later);
      return leases;
    },
  });
  const transactions = createSqliteTransactions(db, sql.caches, explain);
  const { read, readCounters, write, writeSoon, writeLate, drain } = transactions;
  const leaseClock = machineTime ? await sharedClock(machineTime) : clock;
  const markCheck = db.prepare("INSERT INTO checks VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET checked_at = ?1");
  let nextSweep = clock.now() + sweepEveryMs;

  /** Rides on traffic, so that an idle process writes nothing. */
  function sweepWhenDue(): void {
    const now = clock.now();
    if (now < nextSweep) return;
    nextSweep = now + sweepEveryMs;
    sql.sweep(now);
  }

  /** The first process that opens the ledger after a start of the machine sets the origin of its time. */
  async function sharedClock({ boot, nowMs }: MachineTime): Promise<Clock> {
    const name: LedgerName = `machine/${boot}`;
    const startedAt = await write(() => {
      const known = sql.get(clock.now(), name);
      if (known !== undefined) return Number(known);
      const origin = Math.round(clock.now() - nowMs());
      sql.put(clock.now(), name, String(origin));
      return origin;
    });
    return { now: () => Math.round(startedAt + nowMs()) };
  }

  /** False where a transaction is to decide, which also tells of a file that cannot be read. */
  function granted(id: LedgerName, entries: CounterReservation[], expect: Expected): boolean {
    try {
      return sql.heldBy(id) === undefined && leases.grant(id, entries, expect);
    } catch {
      return false;
    }
  }

  /** Nothing is refused for what another process has leased and can give back. */
  function reserve(id: LedgerName, entries: CounterReservation[], expect?: Expected): Promise<Reserved> {
    // A request in company shares a transaction, which costs it no more than a look at the file.
    const isAlone = transactions.isAlone();
    if (isAlone && expect !== undefined && granted(id, entries, expect))
      return Promise.resolve({ outcome: "reserved" });
    let waitsSince: number | undefined;

    function decide(): Reserved | undefined {
      const decided = sql.reserve(clock.now(), id, entries, expect);
      if (expect === undefined) return decided;
      if (decided.outcome === "reserved") leases.reserved(id, entries, expect.name, isAlone);
      if (decided.outcome !== "exceeded") return decided;
      const { counter, period } = decided.exceeded;
      waitsSince ??= performance.now();
      const waits = performance.now() - waitsSince < patienceMs && leases.want(expect.name, counter, period);
      return waits ? undefined : decided;
    }

    async function askAgain(): Promise<Reserved> {
      for (;;) {
        await sleep(askAgainMs);
        const answer = await writeSoon(decide);
        if (answer !== undefined) return answer;
      }
    }

    // Only a metered call expects a text: what an agent reserves shares the commit of its claims, of the same turn.
    const first = expect === undefined ? write(decide) : writeSoon(decide);
    return first.then((answer) => answer ?? askAgain());
  }

  return {
    outbox: createSqliteOutbox(driver, { read, write }, clock),
    take: (bucket, rule, cost = 1) =>
      write(() => {
        sweepWhenDue();
        return sql.take(clock.now(), bucket, rule, cost);
      }),
    seen: (bucket) => read(() => sql.seen(bucket)),

    reserve,
    settle(id, actual, usage) {
      leases.settles(id, actual, sql.heldBy);
      // A caller that tells the usage has its answer, and waits for nothing more.
      return (usage === undefined ? write : writeLate)(() => sql.settle(clock.now(), id, actual, usage));
    },
    settleStale: (prefix, olderThanMs) => write(() => sql.settleStale(clock.now(), prefix, olderThanMs).length),
    unsettled: (prefix) => read(() => sql.unsettled(prefix)),
    held: (id) => read(() => sql.held(id)),
    used: (counter, period) => readCounters(() => sql.used(counter, period)),

    nearLimit: (query) => readCounters(() => ({ near: sql.nearLimit(query), asOf: clock.now() })),
    topUsage: (query) =>
      read(() => {
        const now = clock.now();
        return { groups: sql.topUsage(periodOf("day", now), query), asOf: now };
      }),

    usage: (name, from, to) => read(() => sql.usage(name, from, to)),
    creditEstimates: (name, since) => write(() => sql.creditEstimates(name, since)),

    get: (name) => read(() => sql.get(clock.now(), name)),
    put: (name, text, ttlMs) =>
      write(() => {
        sweepWhenDue();
        sql.put(clock.now(), name, text, ttlMs);
      }),
    replace: (name, expected, text, ttlMs) => write(() => sql.replace(clock.now(), name, expected, text, ttlMs)),

    claim: (name, claim) => write(() => sql.claim(leaseClock.now(), name, claim)),
    renew: (name, claim) => write(() => sql.renew(leaseClock.now(), name, claim)),
    holder: (name) => read(() => sql.holder(name)),
    release: (name, owner) => write(() => sql.release(name, owner)),
    abandoned: (isGone) =>
      read(() =>
        sql
          .ending(leaseClock.now())
          .filter(({ expired, owner }) => expired || isGone(owner))
          .map(({ name, owner, note }): Abandoned => ({ name, owner, note })),
      ),

    forget: (prefix) => write(() => sql.forget(prefix)),

    async check() {
      assertTrusted(path, ino);
      await write(() => {
        sweepWhenDue();
        markCheck.run(clock.now());
      });
    },

    async close() {
      leases.end();
      await drain();
      if (db.isOpen) db.close();
    },
  };
}
