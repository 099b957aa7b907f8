import { createStorage, type Storage } from "unstorage";
import type { AuditTrail, Clock, Ledger, Records } from "../../../src/ports.ts";
import { createRecords } from "../../../src/storage/records.ts";
import { createRedisAudit } from "./redis-audit.ts";
import { firstAttempt } from "./redis-connection.ts";
import { createRedisLedger } from "./redis-ledger.ts";
import { createRedisRecords } from "./redis-records.ts";

export interface RedisStores {
  storage: Storage;
  records: Records;
  ledger: Ledger;
  audit: AuditTrail;
  close(): Promise<void>;
}

/**
 * Records, ledger and audit trail over one connection, shared by every process that names the same Redis and prefix.
 * Resolves also while Redis is away: its calls are then refused, each within a second, until it is back.
 * @param prefix of every key; letters, digits, `-` and `_`
 */
export async function openRedis({
  url,
  clock,
  prefix = "openclaw",
}: {
  url: string;
  clock: Clock;
  prefix?: string;
}): Promise<RedisStores> {
  if (!/^[A-Za-z0-9_-]+$/.test(prefix)) throw new TypeError("a Redis prefix is letters, digits, - and _");
  const { driver, page, redis } = createRedisRecords(url, prefix);
  // Each call reports what it met, and so do the checks: without a listener ioredis would print it as well.
  redis.on("error", () => {});
  await firstAttempt(redis);
  const storage = createStorage({ driver });
  const audit = createRedisAudit(redis, prefix, clock);
  return {
    storage,
    records: createRecords(storage, page),
    ledger: createRedisLedger(redis, prefix),
    audit,
    async close() {
      await audit.close();
      redis.disconnect();
    },
  };
}
