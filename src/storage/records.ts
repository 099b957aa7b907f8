import type { Storage, StorageValue } from "unstorage";
import { isProblem, Problem } from "../errors.ts";
import { type Collection, collections, type RecordOf, type Records, recordKey } from "./keyspace.ts";

/**
 * Up to `limit` ids after `after`, in ascending order. A driver that can find them without listing the whole
 * collection offers this.
 */
export type IdPage = (
  collection: Collection,
  after: string | undefined,
  limit: number,
) => readonly string[] | Promise<readonly string[]>;

/** As much of unstorage's `Storage` as records need where a driver finds the pages. */
export interface RecordStorage {
  getItem(key: string): Promise<unknown>;
  setItem(key: string, value: StorageValue): Promise<void>;
  removeItem(key: string): Promise<void>;
}

/** Changes a document, or with `null` removes it, where what is there is as expected, with nothing in between. */
export type ReplaceItem = (
  key: string,
  isExpected: (stored: unknown) => boolean,
  next: StorageValue | null,
) => Promise<boolean>;

/** The way of a store of one process: two that come at one time may both find what they expect. */
const byLooking =
  (storage: RecordStorage): ReplaceItem =>
  async (key, isExpected, next) => {
    if (!isExpected((await storage.getItem(key)) ?? undefined)) return false;
    await (next === null ? storage.removeItem(key) : storage.setItem(key, next));
    return true;
  };

const byListing =
  (storage: Pick<Storage, "getKeys">): IdPage =>
  async (collection, after, limit) => {
    const prefix = `${collection}:`;
    const ids = (await storage.getKeys(prefix)).map((key) => key.slice(prefix.length));
    return ids
      .filter((id) => after === undefined || id > after)
      .sort()
      .slice(0, limit);
  };

/** Drivers throw what they like; what they throw on purpose is kept. */
const failure = (code: "store_unreadable" | "store_unwritable", cause: unknown): Problem =>
  isProblem(cause) ? cause : new Problem(code, undefined, { cause });

function writableKey(collection: Collection, id: string): string {
  const key = recordKey(collection, id);
  if (key === undefined) throw new TypeError(`not an id that a record of ${collection} can have`);
  return key;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}

/**
 * Records over any unstorage driver. Every document read is parsed, every time: drivers turn a truncated document into
 * a string and text into numbers without a word. Only the very object that was parsed before, and that nobody can have
 * changed since (a driver that caches hands out frozen ones), is not parsed again.
 */
export function createRecords(storage: Storage): Records;
export function createRecords(storage: RecordStorage, page: IdPage, replaceItem?: ReplaceItem): Records;
export function createRecords(
  storage: RecordStorage,
  page: IdPage = byListing(storage as Storage),
  replaceItem: ReplaceItem = byLooking(storage),
): Records {
  const parsedBefore = new WeakMap<object, unknown>();

  async function get<C extends Collection>(collection: C, id: string): Promise<RecordOf<C> | undefined> {
    const key = recordKey(collection, id);
    if (key === undefined) return undefined;
    let stored: unknown;
    try {
      stored = await storage.getItem(key);
    } catch (error) {
      throw failure("store_unreadable", error);
    }
    return parse(collection, id, stored);
  }

  function parse<C extends Collection>(collection: C, id: string, stored: unknown): RecordOf<C> | undefined {
    if (stored === null || stored === undefined) return undefined;
    const frozen = typeof stored === "object" && Object.isFrozen(stored) ? stored : undefined;
    const known = frozen && parsedBefore.get(frozen);
    if (known !== undefined) return known as RecordOf<C>;
    const parsed = collections[collection].safeParse(stored);
    if (parsed.success) {
      if (frozen) parsedBefore.set(frozen, deepFreeze(parsed.data));
      return parsed.data as RecordOf<C>;
    }
    const fields = parsed.error.issues.map((issue) => issue.path.join(".") || "the record itself").join(", ");
    throw new Problem("store_unreadable", `The stored record ${collection}/${id} is damaged (${fields})`);
  }

  const records: Records = {
    get,

    async set(collection, id, value) {
      const key = writableKey(collection, id);
      try {
        await storage.setItem(key, value);
      } catch (error) {
        throw failure("store_unwritable", error);
      }
    },

    async replace(collection, id, expected, next) {
      const key = writableKey(collection, id);
      try {
        return await replaceItem(key, (stored) => expected(parse(collection, id, stored)), next ?? null);
      } catch (error) {
        throw failure("store_unwritable", error);
      }
    },

    async remove(collection, id) {
      const key = recordKey(collection, id);
      if (key === undefined) return;
      try {
        await storage.removeItem(key);
      } catch (error) {
        throw failure("store_unwritable", error);
      }
    },

    async list<C extends Collection>(
      collection: C,
      { cursor, limit = Number.MAX_SAFE_INTEGER - 1 }: { cursor?: string | undefined; limit?: number | undefined } = {},
    ) {
      let ids: readonly string[];
      try {
        ids = await page(collection, cursor, limit + 1);
      } catch (error) {
        throw failure("store_unreadable", error);
      }
      const shown = ids.slice(0, limit);
      const found = await Promise.all(shown.map((id) => get(collection, id)));
      // One that was removed since the listing is left out.
      const items = found.filter((item) => item !== undefined);
      const last = shown.at(-1);
      return ids.length > shown.length && last !== undefined ? { items, nextCursor: last } : { items };
    },

    async check() {
      const asked = ["keys", "ai-providers", "agents"] as const;
      await Promise.all(asked.map((collection) => records.list(collection, { limit: 1 })));
    },
  };
  return records;
}
