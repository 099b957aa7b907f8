import { createStorage, type Storage } from "unstorage";
import type { ActivityLog, AuditTrail, Clock, Ledger, Log, Outbox } from "../../../src/ports.ts";
import { SettingsError } from "../../../src/settings/settings-error.ts";
import type { Records } from "../../../src/storage/keyspace.ts";
import { createRecords } from "../../../src/storage/records.ts";
import { createRedisActivity } from "./redis-activity.ts";
import { createRedisAudit } from "./redis-audit.ts";
import { firstAttempt } from "./redis-connection.ts";
import { type Eviction, evictionOf, faultOf, isGivenUp, watchConnection } from "./redis-faults.ts";
import { createRedisLedger } from "./redis-ledger.ts";
import { createRedisOutbox } from "./redis-outbox.ts";
import { createRedisRecords } from "./redis-records.ts";

/** All stores on one Redis. */
export interface RedisStores {
  storage: Storage;
  records: Records;
  ledger: Ledger;
  outbox: Outbox;
  activity: ActivityLog;
  audit: AuditTrail;
  /** Why Redis cannot be used, in its own words or the network's. */
  fault(): string | undefined;
  eviction(): Promise<Eviction>;
  close(): Promise<void>;
}

/**
 * Records, ledger, outbox and audit trail over one connection, shared by every process that names the same Redis and prefix.
 * Resolves also while Redis is away: its calls are then refused, each within a second, until it is back.
 * @param prefix of every key; letters, digits, `-` and `_`
 * @throws SettingsError where the database is not to be had
 */
export async function openRedis({
  url,
  clock,
  log = () => {},
  prefix = "openclaw",
}: {
  url: string;
  clock: Clock;
  log?: Log;
  prefix?: string;
}): Promise<RedisStores> {
  if (!/^[A-Za-z0-9_-]+$/.test(prefix)) throw new TypeError("a Redis prefix is letters, digits, - and _");
  const { driver, page, replace, redis } = createRedisRecords(url, prefix);
  const unwatch = watchConnection(redis, log);
  await firstAttempt(redis);
  if (isGivenUp(redis))
    throw new SettingsError(`OPENCLAW_PROVISIONING_STORAGE names a Redis that cannot be used: ${faultOf(redis)}`);
  const storage = createStorage({ driver });
  const audit = createRedisAudit(redis, prefix, clock);
  return {
    storage,
    records: createRecords(storage, page, replace),
    ledger: createRedisLedger(redis, prefix),
    outbox: createRedisOutbox(redis, prefix),
    activity: createRedisActivity(redis, prefix),
    audit,
    fault: () => faultOf(redis),
    eviction: () => evictionOf(redis),
    async close() {
      await audit.close();
      unwatch();
      redis.disconnect();
    },
  };
}
