import { periodOf } from "../../src/domain/quota.ts";
import type { LedgerName } from "../../src/ports.ts";
import type { FleetReport } from "../sql/sql-fleet.ts";
import { isSummed, type LedgerShard } from "./ledger-shard.ts";

interface Access {
  read<T>(work: (shard: LedgerShard) => T): T;
  write(now: number, work: (shard: LedgerShard) => void): void;
  /** Has the alarm tell what is noted, after some seconds. */
  wakeSoon(): void;
  /** @param fleet the object that sums up what all shards hold */
  send(fleet: string, now: number, report: FleetReport): Promise<void>;
}

/** What one shard of the ledger tells the sums over all, of the days that have changed. */
export function createShardReports({ read, write, wakeSoon, send }: Access) {
  /** Days that are noted for the next report: a busy key changes the same one with each call. */
  const noted = new Set<string>();
  /** Days that may have changed since the report on its way was made: one too many is told twice. */
  const since = new Set<string>();
  let last: Promise<unknown> = Promise.resolve();

  /** One after the other: an earlier report that comes later would take a later one back. @returns whether it was told */
  function tell(now: number): Promise<boolean> {
    const telling = last.then(() => tellNext(now));
    last = telling.catch(() => undefined);
    return telling;
  }

  async function tellNext(now: number): Promise<boolean> {
    const due = read((shard) => shard.dueReport());
    if (!due) return true;
    // Changes from here on are told the next time.
    noted.clear();
    since.clear();
    try {
      await send(due.fleet, now, due.report);
    } catch {
      wakeSoon();
      return false;
    }
    write(now, (shard) => {
      due.told();
      for (const day of since) shard.noteChanged(day, due.fleet);
    });
    if (since.size > 0) wakeSoon();
    return true;
  }

  return {
    tell,

    /** Part of the transaction in which it changes; told within half a minute. */
    noteChanged(shard: LedgerShard, now: number, fleet: string, name: LedgerName, day = periodOf("day", now)): void {
      if (!isSummed(name)) return;
      since.add(day);
      if (noted.has(day)) return;
      noted.add(day);
      shard.noteChanged(day, fleet);
      wakeSoon();
    },

    /** The sums keep what was used, and what is settled while they are told; throws where they cannot be told. */
    async forget(now: number, fleet: string, prefix: LedgerName): Promise<void> {
      const isUntold = (shard: LedgerShard) =>
        shard.dueReport()?.report.usage.some(({ name }) => name.startsWith(prefix));
      while (read(isUntold)) {
        if (!(await tell(now))) throw new Error("what was used could not be added to the sums; it stays here");
      }
      write(now, (shard) => {
        shard.forget(prefix);
        if (!isSummed(prefix)) return;
        shard.noteForgotten(prefix, fleet);
        wakeSoon();
      });
    },

    /** A transaction was taken back, and notes with it: it is not known which. */
    unnote: (): void => noted.clear(),
  };
}
