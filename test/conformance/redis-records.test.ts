import { Redis } from "ioredis";
import { createStorage, type Storage } from "unstorage";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createRedisRecords, type RedisRecords } from "../../adapters/node/redis/redis-records.ts";
import type { Records, RevocationRecord } from "../../src/storage/keyspace.ts";
import { createRecords } from "../../src/storage/records.ts";
import { hasRedis, type RedisServer, startRedis } from "../redis-server.ts";
import { testRecords } from "./records.ts";

const record = (id: string, attempts = 0): RevocationRecord => ({
  id,
  aiProviderId: "p",
  remoteId: "remote",
  agentId: "agent",
  attempts,
  lastError: "",
  createdAt: "2026-11-22T18:00:00.000Z",
});

describe.skipIf(!hasRedis)("redis", () => {
  let server: RedisServer;
  let run = 0;

  async function open(prefix: string): Promise<RedisRecords & { storage: Storage; records: Records }> {
    const opened = createRedisRecords(server.url, prefix);
    await new Promise((resolve) => opened.redis.once("ready", resolve));
    const storage = createStorage({ driver: opened.driver });
    return { ...opened, storage, records: createRecords(storage, opened.page, opened.replace) };
  }

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.dispose());

  testRecords("Redis", async () => {
    const prefix = `test-${run++}`;
    const [one, other] = await Promise.all([open(prefix), open(prefix)]);
    return {
      instance: one.records,
      second: other.records,
      async dispose() {
        one.redis.disconnect();
        other.redis.disconnect();
      },
    };
  });

  describe("the keys of Redis records", () => {
    let redis: Redis;
    let prefix: string;
    let one: Awaited<ReturnType<typeof open>>;
    let other: Awaited<ReturnType<typeof open>>;

    beforeEach(async () => {
      prefix = `test-${run++}`;
      redis = new Redis(server.url);
      [one, other] = await Promise.all([open(prefix), open(prefix)]);
    });
    afterEach(() => {
      for (const connection of [redis, one.redis, other.redis]) connection.disconnect();
    });

    it("are the document and its id in the collection's index", async () => {
      await one.records.set("revocations", "B-2", record("B-2"));
      expect((await redis.keys(`${prefix}:*`)).sort()).toEqual([
        `${prefix}:ids:revocations`,
        `${prefix}:records:revocations:B-2`,
      ]);
      expect(await other.records.get("revocations", "B-2")).toEqual(record("B-2"));
      await other.records.remove("revocations", "B-2");
      expect(await redis.keys(`${prefix}:*`)).toEqual([]);
    });

    it("are found by page and by unstorage's own listing alike, apart from other collections and prefixes", async () => {
      const ids = ["a", "B", "a-1", "a_1", "a1", "Z", "0"];
      for (const id of ids) await one.records.set("revocations", id, record(id));
      await redis.set(`${prefix}:records:agents:stray`, "{}");
      expect(await other.page("revocations", "Z", 3)).toEqual(["a", "a-1", "a1"]);
      expect(await other.page("agents", undefined, 3)).toEqual([]);
      expect((await other.storage.getKeys("revocations:")).sort()).toEqual(ids.map((id) => `revocations:${id}`).sort());
      expect((await other.storage.getKeys()).length).toBe(ids.length);
      const viaListing = await createRecords(other.storage).list("revocations", { limit: 4 });
      expect(viaListing).toEqual(await other.records.list("revocations", { limit: 4 }));
    });

    it("leave out an id whose document did not get there", async () => {
      await redis.zadd(`${prefix}:ids:revocations`, 0, "half");
      await one.records.set("revocations", "whole", record("whole"));
      expect((await one.records.list("revocations")).items.map(({ id }) => id)).toEqual(["whole"]);
      expect(await one.records.get("revocations", "half")).toBeUndefined();
    });

    it("refuse a document that is damaged", async () => {
      await one.records.set("revocations", "a", record("a"));
      await redis.set(`${prefix}:records:revocations:a`, '{"id":"a"');
      await expect(one.records.get("revocations", "a")).rejects.toMatchObject({ code: "store_unreadable" });
    });

    it("take the last of concurrent writes, whole", async () => {
      await Promise.all(
        Array.from({ length: 200 }, (_, i) => (i % 2 ? one : other).records.set("revocations", "a", record("a", i))),
      );
      const found = await one.records.get("revocations", "a");
      expect(found).toEqual(record("a", found?.attempts));
      expect((await one.records.list("revocations")).items).toHaveLength(1);
    });
  });
});
