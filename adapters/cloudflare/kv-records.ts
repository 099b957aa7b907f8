import cloudflareKv from "unstorage/drivers/cloudflare-kv-binding";
import { retry } from "../../src/domain/retry.ts";
import type { Ledger } from "../../src/ports.ts";
import type { Records } from "../../src/storage/keyspace.ts";
import { createRecords, type IdPage, type RecordStorage } from "../../src/storage/records.ts";
import { createLeftovers, type Leftovers, leftoverOr } from "./leftovers.ts";
import { withRecentRecords } from "./recent-records.ts";

/** Records in Workers KV. */
export function createKvRecords(
  kv: KVNamespace,
  ledger: Pick<Ledger, "get" | "put" | "replace">,
  leftovers: Pick<Leftovers, "revocations"> = createLeftovers(kv),
): Records {
  const storage = storageOf(kv);
  const page = pageOf(kv, leftovers);
  return {
    ...withRecentRecords(createRecords(storage, page), ledger),

    async list(collection, asked) {
      const documents = new Map<string, string | null>();
      const fetched: IdPage = async (of, after, limit) => {
        const ids = await page(of, after, limit);
        // The last of a full page says that there are more, and is not shown: a hundred and one would be two operations.
        const keys = ids.slice(0, limit - 1).map((id) => `${collection}:${id}`);
        for (const [key, text] of await readMany(kv, keys)) documents.set(key, text);
        return ids;
      };
      const getItem = async (key: string) => fromJson(documents.get(key) ?? null);
      return await createRecords({ ...storage, getItem }, fetched).list(collection, asked);
    },

    /** One read, whoever asks how often: lists are dear. */
    async check() {
      await storage.getItem("keys:readiness");
    },
  };
}

const mostAtOnce = 100;

/** A hundred documents are one operation, of which an invocation has a thousand. */
async function readMany(kv: KVNamespace, keys: readonly string[]): Promise<[key: string, text: string | null][]> {
  const starts = Array.from({ length: Math.ceil(keys.length / mostAtOnce) }, (_, part) => part * mostAtOnce);
  const parts = await Promise.all(
    starts.map(async (start) => {
      const part = keys.slice(start, start + mostAtOnce);
      const found = await kv.get(part.map(leftoverOr));
      return part.map((key): [string, string | null] => [key, found.get(leftoverOr(key)) ?? null]);
    }),
  );
  return parts.flat();
}

/**
 * Over unstorage's driver, and without its `createStorage`: of what that adds (mounts, watching, raw values), which is
 * a twentieth of the Worker, records need that JSON goes in and comes out.
 */
function storageOf(kv: KVNamespace): RecordStorage {
  const binding = {
    ...pick(kv),
    put: (key: string, value: string) => retryThrottled(() => kv.put(leftoverOr(key), value)),
    delete: (key: string) => retryThrottled(() => kv.delete(leftoverOr(key))),
  };
  const driver = cloudflareKv({ binding: binding as KVNamespace });
  return {
    async getItem(key) {
      return fromJson(await driver.getItem(key));
    },
    async setItem(key, value) {
      await driver.setItem?.(key, JSON.stringify(value), {});
    },
    async removeItem(key) {
      await driver.removeItem?.(key, {});
    },
  };
}

/** A text that is no JSON stays a text, which no record is: the fault is told without quoting it. */
function fromJson(text: unknown): unknown {
  if (typeof text !== "string") return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Bound by hand: a binding's methods are not its own properties. */
const pick = (kv: KVNamespace) => ({
  get: (key: string) => kv.get(leftoverOr(key)),
  list: (options: KVNamespaceListOptions) => kv.list(options),
});

/** Lists come in ascending order, and so a page ends the listing. */
const pageOf =
  (kv: KVNamespace, leftovers: Pick<Leftovers, "revocations">): IdPage =>
  async (collection, after, limit) => {
    if (collection === "revocations") {
      const ids = await leftovers.revocations();
      return ids.filter((id) => after === undefined || id > after).slice(0, limit);
    }
    const prefix = `${collection}:`;
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const list = await kv.list({ prefix, cursor });
      for (const { name } of list.keys) {
        const id = name.slice(prefix.length);
        if (ids.length < limit && (after === undefined || id > after)) ids.push(id);
      }
      cursor = list.list_complete || ids.length >= limit ? undefined : list.cursor;
    } while (cursor !== undefined);
    return ids;
  };

/** KV takes one write or deletion a second for a key, and answers 429 to a second one. */
const retryThrottled = (write: () => Promise<void>): Promise<void> =>
  retry(write, { isRetryable: (error) => /\b429\b/.test(String(error)), delays: [1_100, 1_100] });
