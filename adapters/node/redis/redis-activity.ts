import type { Redis } from "ioredis";
import type { ActivityLog, ActivitySample } from "../../../src/ports.ts";
import { answered } from "./redis-connection.ts";

const keptAtMost = 1_000;
const keptMs = 60_000;
const watchedMs = 10_000;

/** A short stream, which every instance writes and reads; what is older than a minute is gone. */
export function createRedisActivity(redis: Redis, prefix: string): ActivityLog {
  // One hash tag, as all that is used together has.
  const stream = `{${prefix}-activity}:samples`;
  const watched = `{${prefix}-activity}:watched`;
  const ask = <T>(work: () => Promise<T>) => answered(redis, "store_unwritable", work);

  return {
    publish: (sample) =>
      ask(async () => {
        await redis.xadd(stream, "MAXLEN", "~", keptAtMost, "*", "sample", JSON.stringify(sample));
        await redis.pexpire(stream, keptMs);
        return (await redis.exists(watched)) === 1;
      }),

    since: (cursor) =>
      ask(async () => {
        await redis.set(watched, "1", "PX", watchedMs);
        if (cursor === undefined) {
          const [newest] = await redis.xrevrange(stream, "+", "-", "COUNT", 1);
          return { samples: [], cursor: newest?.[0] ?? "0-0" };
        }
        const found = await redis.xrange(stream, `(${cursor}`, "+");
        const samples = found.map(([, fields]) => JSON.parse(fields[1] ?? "{}") as ActivitySample);
        return { samples, cursor: found.at(-1)?.[0] ?? cursor };
      }),
  };
}
