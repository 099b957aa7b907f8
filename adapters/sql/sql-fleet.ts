import type { LedgerName, UsageRow } from "../../src/ports.ts";
import { type CounterRows, usageStatements } from "./counter-rows.ts";
import type { CacheGroup } from "./row-cache.ts";
import { type SqlDriver, within } from "./sql-driver.ts";
import { usageColumns, usageFields, usageRow } from "./usage-columns.ts";

interface CounterReport {
  counter: LedgerName;
  period: string;
  used: number;
  reserved: number;
  quota: number | null;
}

/** The state of one part of a ledger that is kept in many databases, for the one that sums them up. */
export interface FleetReport {
  /** All rows of the days that have changed. */
  usage: (UsageRow & { name: LedgerName })[];
  counters: CounterReport[];
  forgotten: LedgerName[];
}

const forgottenMark = "forgotten ";

/** Tells, and is told, what a part of the ledger holds: told twice, it is the same. */
export function createSqlFleet(db: SqlDriver, caches: CacheGroup, rows: CounterRows) {
  const { addUsage, addToAll } = usageStatements(db);
  const note = db.prepare("INSERT INTO reports VALUES (?1, ?2) ON CONFLICT (what) DO UPDATE SET fleet = ?2");
  const due = db.prepare("SELECT what, fleet FROM reports");
  const drop = db.prepare("DELETE FROM reports WHERE what = ?");
  const columns = usageColumns.join(", ");
  const ofDay = db.prepare(`SELECT name, day, model, ${columns} FROM usage WHERE day = ?`);
  const oneRow = db.prepare(`SELECT day, model, ${columns} FROM usage WHERE name = ? AND day = ? AND model = ?`);
  const counters = db.prepare(
    "SELECT counter, period, used, reserved, quota FROM counters WHERE length(period) IN (7, 10)",
  );
  const forgetUsage = db.prepare("DELETE FROM usage WHERE name >= ? AND name < ?");
  const forgetCounters = db.prepare("DELETE FROM counters WHERE counter >= ? AND counter < ?");

  return {
    /** Notes that a day, or a prefix that was forgotten, is to be reported to the database `fleet`. */
    noteChanged: (day: string, fleet: string): void => void note.run(day, fleet),
    noteForgotten: (prefix: LedgerName, fleet: string): void => void note.run(forgottenMark + prefix, fleet),

    /** `undefined` where nothing is to be reported; `told` is called once it was. */
    dueReport(): { fleet: string; report: FleetReport; told(): void } | undefined {
      const all = due.all<[what: string, fleet: string]>();
      // An older release's rows do not say whom to tell.
      const fleet = all.find(([, known]) => known !== "")?.[1];
      if (fleet === undefined) return undefined;
      const marks = all.map(([what]) => what);
      const forgotten = marks.filter((what) => what.startsWith(forgottenMark));
      const days = marks.filter((what) => !what.startsWith(forgottenMark));
      const usage = days.flatMap((day) =>
        ofDay.all<[LedgerName, string, string, ...number[]]>(day).map(([name, ...row]) => ({ name, ...usageRow(row) })),
      );
      const report: FleetReport = {
        usage,
        counters: counters
          .all<[LedgerName, string, number, number, number | null]>()
          .map(([counter, period, used, reserved, quota]) => ({ counter, period, used, reserved, quota })),
        forgotten: forgotten.map((what) => what.slice(forgottenMark.length) as LedgerName),
      };
      return {
        fleet,
        report,
        told() {
          for (const what of marks) drop.run(what);
        },
      };
    },

    takeReport({ usage, counters, forgotten }: FleetReport): void {
      for (const prefix of forgotten) {
        caches.flush();
        forgetUsage.run(...within(prefix));
        forgetCounters.run(...within(prefix));
        caches.clear();
      }
      for (const row of usage) {
        const found = oneRow.get<[string, string, ...number[]]>(row.name, row.day, row.model);
        const before = found && usageRow(found);
        const added = usageFields.map((field) => row[field] - (before?.[field] ?? 0));
        if (added.every((amount) => amount === 0)) continue;
        addUsage.run(row.name, row.day, row.model, ...added);
        addToAll.run(row.day, row.model, ...added);
      }
      for (const { counter, period, used, reserved, quota } of counters) {
        const row = rows.row(counter, period);
        if (row.stored && row.used === used && row.reserved === reserved && row.quota === quota) continue;
        Object.assign(row, { used, reserved, quota });
        rows.changed(row);
      }
    },
  };
}
