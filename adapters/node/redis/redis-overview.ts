import type { Redis } from "ioredis";
import { groupUsage } from "../../../src/domain/group-usage.ts";
import { mapLimited } from "../../../src/domain/map-limited.ts";
import type {
  LedgerName,
  NearLimit,
  QuotaCounters,
  UsageGroup,
  UsageLog,
  UsageQuery,
  UsageRow,
} from "../../../src/ports.ts";
import { answered } from "./redis-connection.ts";
import type { ledgerKeys } from "./redis-ledger-keys.ts";
import { redisScript } from "./redis-script.ts";
import { isUsageField, noAmounts, usageFields, usageRows } from "./usage-fields.ts";

/** Members of a sorted set that are read at a time, at most. */
const largestPage = 500;
/** Each may be thousands of amounts: all at once, on the one connection, would keep metered calls waiting until they are refused. */
const namesAtOnce = 8;

const daysBetween = (from: string, to: string): string[] => {
  const days: string[] = [];
  const last = Date.parse(to);
  for (let day = Date.parse(from); day <= last; day += 86_400_000) days.push(new Date(day).toISOString().slice(0, 10));
  return days;
};

/** Reads over all names, of every partition. */
export function createRedisOverview(
  redis: Redis,
  keys: ReturnType<typeof ledgerKeys>,
  now: () => number,
): Pick<UsageLog, "topUsage"> & Pick<QuotaCounters, "nearLimit"> {
  const read = <T>(work: () => Promise<T>) => answered(redis, "store_unreadable", work);
  const { partitions } = keys;

  const adopt = redisScript<number>(redis, "adopt-usage");
  const usageBetween = redisScript<string[]>(redis, "usage-between");
  let isAdopted = false;

  /** Names that release 1.0.0 wrote, and of which nothing was settled since. */
  async function adoptUsage(): Promise<void> {
    isAdopted ||= (await redis.exists(keys.adopted)) === 1;
    for (let cursor = ""; !isAdopted && cursor !== "0"; ) {
      const [next, found] = await redis.scan(cursor || "0", "MATCH", keys.usages, "COUNT", 100);
      const names = found.map((key) => `${key.slice(key.indexOf(":usage:") + ":usage:".length)}/usage` as LedgerName);
      const at = (name: LedgerName) => [keys.names, keys.usage, keys.counters, keys.ranks].map((key) => key(name));
      await Promise.all(names.map((name) => adopt(at(name), [name, keys.all(name)])));
      cursor = next;
    }
    if (!isAdopted) await redis.set(keys.adopted, "1");
    isAdopted = true;
  }

  async function allUsage(from: string, to: string): Promise<UsageRow[]> {
    const days = daysBetween(from, to).flatMap((day) => partitions.map(({ all }) => ({ day, key: all + day })));
    const found = await read(() => Promise.all(days.map(({ key }) => redis.hgetall(key))));
    return found.flatMap((fields, at) => {
      const rows = new Map<string, UsageRow>();
      for (const [field, amount] of Object.entries(fields)) {
        const space = field.indexOf(" ");
        const [what, model] = [field.slice(0, space), field.slice(space + 1)];
        if (!isUsageField(what)) continue;
        const row = rows.get(model) ?? { day: days[at]!.day, model, ...noAmounts };
        row[usageFields[what]] = Number(amount);
        rows.set(model, row);
      }
      return [...rows.values()];
    });
  }

  /**
   * The members with the highest scores of all partitions' sorted sets. A partition is read on until it has as many as
   * are asked for: what is not sought (another unit, another period) lies between.
   *
   * @param key one partition's sorted set
   * @param least the lowest score that counts
   */
  async function highest(
    key: (partition: (typeof partitions)[number]) => string,
    { least, limit, isSought }: { least: number | "-inf"; limit: number; isSought(member: string): boolean },
  ): Promise<string[]> {
    const perPartition = partitions.map(async (partition) => {
      const found: { member: string; score: number }[] = [];
      let from = 0;
      for (let page = Math.min(largestPage, 2 * limit); found.length < limit; page = Math.min(largestPage, 2 * page)) {
        const range = [key(partition), "+inf", least, "WITHSCORES", "LIMIT", from, page] as const;
        const pairs = await redis.zrevrangebyscore(...range);
        for (let at = 0; at < pairs.length; at += 2) {
          const member = pairs[at]!;
          if (isSought(member)) found.push({ member, score: Number(pairs[at + 1]) });
        }
        if (pairs.length < 2 * page) break;
        from += page;
      }
      return found;
    });
    const found = (await read(() => Promise.all(perPartition))).flat();
    found.sort((a, b) => b.score - a.score || (a.member < b.member ? -1 : 1));
    return found.slice(0, limit).map(({ member }) => member);
  }

  /** The names with the most use in a month. */
  async function largest(month: string, suffix: string, prefix: string, limit: number): Promise<LedgerName[]> {
    const end = `${suffix} ${month}`;
    const isSought = (member: string) => member.startsWith(prefix) && member.endsWith(end);
    const members = await highest(({ ranks }) => ranks, { least: "-inf", limit, isSought });
    return members.map((member) => `${member.slice(0, -end.length)}/usage` as LedgerName);
  }

  /** The fullest counters in these periods. */
  async function nearest(least: number, limit: number, periods: readonly string[]) {
    const placeOf = (member: string) => member.split(" ") as [counter: LedgerName, period: string];
    const isSought = (member: string) => periods.includes(placeOf(member)[1]);
    const members = await highest(({ near }) => near, { least, limit, isSought });
    return members.map((member) => {
      const [counter, period] = placeOf(member);
      return { counter, period, member };
    });
  }

  async function byName({ prefix, from, to, orderBy, limit }: UsageQuery): Promise<[string, UsageRow[]][]> {
    const month = from.slice(0, 7);
    const today = new Date(now()).toISOString().slice(0, 10);
    const suffix = orderBy === "tokens" ? "/tokens" : orderBy === "microUsd" ? "/usd" : undefined;
    const isMonth = limit <= 100 && from === `${month}-01` && to >= today && today.startsWith(month);
    const names =
      suffix !== undefined && isMonth
        ? await largest(month, suffix, prefix, limit)
        : (await read(() => Promise.all(partitions.map(({ names }) => redis.smembers(names)))))
            .flat()
            .filter((name): name is LedgerName => name.startsWith(prefix));
    return await read(() =>
      mapLimited(names, namesAtOnce, async (name): Promise<[string, UsageRow[]]> => {
        const pairs = await usageBetween([keys.usage(name)], [name, from, to]);
        const fields: Record<string, string> = {};
        for (let at = 0; at < pairs.length; at += 2) fields[pairs[at]!] = pairs[at + 1]!;
        return [name, usageRows(name, fields)];
      }),
    );
  }

  return {
    async topUsage(query) {
      await read(adoptUsage);
      const asOf = now();
      const sums = Object.values(usageFields);
      const rows: [key: string, row: UsageRow][] =
        query.by === "name"
          ? (await byName(query)).flatMap(([name, of]) => of.map((row): [string, UsageRow] => [name, row]))
          : (await allUsage(query.from, query.to)).map((row) => [query.by === "day" ? row.day : row.model, row]);
      const keyed = rows.flatMap(([key, row]) => (row.model === query.except ? [] : [{ ...row, key }]));
      const groups = [...groupUsage(keyed, ({ key }) => key, sums)].map(
        ([key, sum]): UsageGroup => ({ ...noAmounts, ...sum, key }),
      );
      const { orderBy } = query;
      const byKey = (a: UsageGroup, b: UsageGroup) => (a.key < b.key ? -1 : 1);
      groups.sort(orderBy === "key" ? byKey : (a, b) => b[orderBy] - a[orderBy] || byKey(a, b));
      return { groups: groups.slice(0, query.limit), asOf };
    },

    async nearLimit({ minShare, limit, periods }) {
      const asOf = now();
      const places = await nearest(minShare, limit, periods);
      const found = await read(() =>
        Promise.all(
          places.map(({ counter, member }) =>
            redis.hmget(keys.counters(counter), `${member} used`, `${member} reserved`, `${member} quota`),
          ),
        ),
      );
      const near = places.flatMap(({ counter, period }, at): NearLimit[] => {
        const [used, reserved, quota] = found[at]!;
        return quota == null
          ? []
          : [{ counter, period, limit: Number(quota), used: Number(used), reserved: Number(reserved) }];
      });
      const share = ({ limit: of, used, reserved }: NearLimit) =>
        of === 0 ? Number.POSITIVE_INFINITY : (used + reserved) / of;
      return {
        near: near
          .filter((one) => share(one) >= minShare)
          .sort((a, b) => share(b) - share(a))
          .slice(0, limit),
        asOf,
      };
    },
  };
}
