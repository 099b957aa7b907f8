import type { DoctorCheck } from "../../../src/cli/doctor-report.ts";
import type { Ledger } from "../../../src/ports.ts";
import { SettingsError } from "../../../src/settings/settings-error.ts";
import type { Stores, StoresOptions } from "../stores/stores.ts";
import { openRedis, type RedisStores } from "./redis.ts";
import { evictionWarning } from "./redis-faults.ts";
import { createSharedFitness } from "./shared-fitness.ts";
import { requireSharedForm } from "./shared-form.ts";
import { createSharedPresence } from "./shared-presence.ts";
import { requireSharedSealKey } from "./shared-seal-key.ts";

/**
 * @throws SettingsError where Redis is not to be had or a newer release's, or the seal key is another than the other
 * instances have
 */
export async function openRedisStores(url: string, { settings, clock, log, sealKeys }: StoresOptions): Promise<Stores> {
  if (settings.provisioning.audit.sink !== undefined) {
    throw new SettingsError("gateway.provisioning.audit.sink goes with the trail in files, not in Redis; leave it out");
  }
  const redis = await openRedis({ url, clock, log });
  const { records, activity, close } = redis;
  const fitness = createSharedFitness(async () => {
    await requireSharedForm(redis.ledger);
    await requireSharedSealKey(redis.ledger, sealKeys);
  });
  try {
    await fitness.look();
  } catch (error) {
    // Redis may be away at the start: the first call that finds it there asks again.
    if (error instanceof SettingsError) {
      await close();
      throw error;
    }
  }
  const ledger = fitness.guard<Ledger>({
    ...redis.ledger,
    async check() {
      await redis.ledger.check();
      await fitness.again();
    },
  });
  return {
    records,
    ledger,
    outbox: fitness.guard(redis.outbox),
    activity,
    audit: fitness.guard(redis.audit),
    checks: () => redisChecks(redis),
    findings: async () => [],
    async warning() {
      // One that is away is told of by itself.
      const eviction = await redis.eviction().catch(() => undefined);
      if (eviction?.kind !== "evicts") return undefined;
      return { message: evictionWarning(eviction.policy), remedy: "set maxmemory-policy noeviction" };
    },
    presence: (id) =>
      createSharedPresence(
        {
          ...ledger,
          // Each process of an instance looks: readiness is asked of one of them, and of none that maintains.
          async put(...text) {
            await fitness.again();
            await ledger.put(...text);
          },
        },
        id,
      ),
    close,
  };
}

async function redisChecks(redis: RedisStores): Promise<DoctorCheck[]> {
  const name = "redis";
  const fault = redis.fault();
  if (fault !== undefined) {
    const remedy = "start it, or correct OPENCLAW_PROVISIONING_STORAGE; until then every call is answered 503";
    return [{ name, status: "failed", detail: fault, remedy }];
  }
  const eviction = await redis.eviction();
  switch (eviction.kind) {
    case "none":
      return [{ name, status: "ok", detail: "answers, and throws nothing away" }];
    case "unknown": {
      const detail = `answers; whether it throws keys away cannot be seen (${eviction.reason})`;
      return [
        { name, status: "warning", detail, remedy: "ACL SETUSER <user> +info, or see to maxmemory-policy noeviction" },
      ];
    }
    case "evicts": {
      const remedy = "set maxmemory-policy noeviction in redis.conf";
      return [{ name, status: "warning", detail: evictionWarning(eviction.policy), remedy }];
    }
  }
}
