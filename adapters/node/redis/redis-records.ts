import type { Redis } from "ioredis";
import type { Driver } from "unstorage";
import redisDriver from "unstorage/drivers/redis";
import { type Collection, collections } from "../../../src/storage/keyspace.ts";
import type { IdPage, ReplaceItem } from "../../../src/storage/records.ts";
import { answered, redisOptions } from "./redis-connection.ts";
import { redisScript } from "./redis-script.ts";

/** The parts that `createRecords` takes, over one connection. */
export interface RedisRecords {
  driver: Driver;
  page: IdPage;
  replace: ReplaceItem;
  /** The driver's own connection, which the ledger and the audit trail share. */
  redis: Redis;
}

/**
 * Records in Redis: unstorage's driver for the documents (`<prefix>:records:<collection>:<id>`), beside it a sorted set
 * of each collection's ids (`<prefix>:ids:<collection>`), since `SCAN` would walk the ledger's keys to find a page.
 */
export function createRedisRecords(url: string, prefix: string): RedisRecords {
  const base = `${prefix}:records`;
  const documents = redisDriver({ ...redisOptions, url, base });
  const redis = documents.getInstance!() as Redis;
  const read = <T>(work: () => Promise<T>) => answered(redis, "store_unreadable", work);
  const write = (work: () => Promise<unknown>) => answered(redis, "store_unwritable", work);
  const ids = (collection: string) => `${prefix}:ids:${collection}`;
  const split = (key: string): [collection: string, id: string] => {
    const colon = key.indexOf(":");
    return [key.slice(0, colon), key.slice(colon + 1)];
  };

  const page: IdPage = (collection: Collection, after, limit) =>
    read(() => redis.zrange(ids(collection), after === undefined ? "-" : `(${after}`, "+", "BYLEX", "LIMIT", 0, limit));

  const replaceDocument = redisScript<number>(redis, "replace-document");
  const given = (text: string | null) => [text === null ? "0" : "1", text ?? ""];

  const replace: ReplaceItem = async (key, isExpected, next) => {
    const [collection, id] = split(key);
    const text = next === null ? null : JSON.stringify(next);
    for (;;) {
      const stored = await read(() => redis.get(`${base}:${key}`));
      if (!isExpected(stored === null ? undefined : JSON.parse(stored))) return false;
      const args = [id, ...given(stored), ...given(text)];
      const at = [`${base}:${key}`, ids(collection)];
      if ((await answered(redis, "store_unwritable", () => replaceDocument(at, args))) === 1) return true;
    }
  };

  const driver: Driver = {
    name: "redis",
    hasItem: (key, options) => read(async () => documents.hasItem(key, options)),
    getItem: (key, options) => read(async () => documents.getItem(key, options)),

    // Both are sent in one go and in this order: an id without its document is passed over, a document without its id
    // would never be listed.
    async setItem(key, value, options) {
      const [collection, id] = split(key);
      await write(() => Promise.all([redis.zadd(ids(collection), 0, id), documents.setItem!(key, value, options)]));
    },
    async removeItem(key, options) {
      const [collection, id] = split(key);
      await write(() => Promise.all([documents.removeItem!(key, options), redis.zrem(ids(collection), id)]));
    },

    // Unstorage leaves it out where no base was asked for, whatever its types say.
    async getKeys(under = "") {
      const [collection] = split(under.endsWith(":") ? under : `${under}:`);
      const asked = collection === "" ? Object.keys(collections) : [collection];
      const found = await Promise.all(
        asked.map(async (name) => (await read(() => redis.zrange(ids(name), 0, -1))).map((id) => `${name}:${id}`)),
      );
      return found.flat();
    },

    dispose: () => redis.disconnect(),
  };
  return { driver, page, replace, redis };
}
