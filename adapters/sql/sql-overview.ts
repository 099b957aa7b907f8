import type { LedgerName, NearLimit, UsageGroup, UsageGrouping, UsageQuery } from "../../src/ports.ts";
import { usdRank } from "./counter-rows.ts";
import { type SqlDriver, type SqlStatement, within } from "./sql-driver.ts";
import { usageColumns, usageGroup } from "./usage-columns.ts";

const order: Record<UsageQuery["orderBy"], string> = {
  key: "key",
  tokens: "tokens DESC, key",
  microUsd: "micro_usd DESC, key",
  requests: "requests DESC, key",
};

const summed = usageColumns.map((column) => `sum(${column}) AS ${column}`).join(", ");

type GroupRow = Parameters<typeof usageGroup>[0];

const tokenRanks = [0, usdRank - 1] as const;
const usdRanks = [usdRank, 2 * usdRank] as const;

const share = "CASE quota WHEN 0 THEN 9e999 ELSE (used + reserved - leased) * 1.0 / quota END";

/** Reads over all names. */
export function createSqlOverview(db: SqlDriver) {
  const statements = new Map<string, SqlStatement>();
  function statement(query: string): SqlStatement {
    const known = statements.get(query) ?? db.prepare(query);
    statements.set(query, known);
    return known;
  }
  // All rows of the last level, or of the last rank, are read: SQLite sorts them by what decides among them.
  const near = db.prepare(
    `SELECT counter, quota, used, reserved - leased FROM counters
     WHERE period = ?1 AND level >= ?2 AND level IS NOT NULL AND ${share} >= ?3
     ORDER BY level DESC, ${share} DESC LIMIT ?4`,
  );
  const ranked = db.prepare(
    `SELECT counter FROM counters
     WHERE period = ?1 AND rank BETWEEN ?2 AND ?3 AND rank IS NOT NULL AND counter >= ?4 AND counter < ?5
       AND substr(counter, -length(?6)) = ?6
     ORDER BY rank DESC, used DESC, counter LIMIT ?7`,
  );

  /** The names with the most use in a month that is not over: what begins at its first day and ends today. */
  const largest = (month: string, suffix: string, prefix: string, limit: number): LedgerName[] =>
    ranked
      .all<[string]>(month, ...(suffix === "/usd" ? usdRanks : tokenRanks), ...within(prefix), suffix, limit)
      .map(([counter]) => `${counter.slice(0, -suffix.length)}/usage` as LedgerName);

  return {
    topUsage(today: string, { prefix, from, to, by, orderBy, limit, except = "" }: UsageQuery): UsageGroup[] {
      if (by !== "name") {
        const key: Record<Exclude<UsageGrouping, "name">, string> = { model: "model", day: "day" };
        return statement(
          `SELECT ${key[by]} AS key, ${summed} FROM all_usage WHERE day BETWEEN ? AND ? AND model <> ?
           GROUP BY key ORDER BY ${order[orderBy]} LIMIT ?`,
        )
          .all<GroupRow>(from, to, except, limit)
          .map(usageGroup);
      }
      const month = from.slice(0, 7);
      const suffix = orderBy === "tokens" ? "/tokens" : orderBy === "microUsd" ? "/usd" : undefined;
      if (suffix !== undefined && limit <= 100 && from === `${month}-01` && to >= today && today.startsWith(month)) {
        const one = statement(
          `SELECT name AS key, ${summed} FROM usage WHERE name = ? AND day BETWEEN ? AND ? AND model <> ?
           GROUP BY name`,
        );
        const amount = orderBy as "tokens" | "microUsd";
        return largest(month, suffix, prefix, limit)
          .flatMap((name) => one.all<GroupRow>(name, from, to, except))
          .map(usageGroup)
          .sort((a, b) => b[amount] - a[amount] || (a.key < b.key ? -1 : 1))
          .slice(0, limit);
      }
      return statement(
        `SELECT name AS key, ${summed} FROM usage WHERE day BETWEEN ? AND ? AND name >= ? AND name < ? AND model <> ?
         GROUP BY name ORDER BY ${order[orderBy]} LIMIT ?`,
      )
        .all<GroupRow>(from, to, ...within(prefix), except, limit)
        .map(usageGroup);
    },

    nearLimit({
      minShare,
      limit,
      periods,
    }: {
      minShare: number;
      limit: number;
      periods: readonly string[];
    }): NearLimit[] {
      const least = Math.floor(100 * Math.max(0.5, minShare));
      const found = periods.flatMap((period) =>
        near
          .all<[LedgerName, number, number, number]>(period, least, minShare, limit)
          .map(([counter, quota, used, reserved]): NearLimit => ({ counter, period, limit: quota, used, reserved })),
      );
      return found.sort((a, b) => shareOf(b) - shareOf(a)).slice(0, limit);
    },
  };
}

const shareOf = ({ limit, used, reserved }: NearLimit): number =>
  limit === 0 ? Number.POSITIVE_INFINITY : (used + reserved) / limit;
