import cloudflareKv from "unstorage/drivers/cloudflare-kv-binding";
import type { Ledger, Records } from "../../src/ports.ts";
import { createRecords, type IdPage, type RecordStorage } from "../../src/storage/records.ts";
import { withRecentAgents } from "./recent-agents.ts";

/** Records in Workers KV. */
export const createKvRecords = (kv: KVNamespace, ledger: Pick<Ledger, "get" | "put">): Records =>
  withRecentAgents(createRecords(storageOf(kv), pageOf(kv)), ledger);

/**
 * Over unstorage's driver, and without its `createStorage`: of what that adds (mounts, watching, raw values), which is
 * a twentieth of the Worker, records need that JSON goes in and comes out.
 */
function storageOf(kv: KVNamespace): RecordStorage {
  const binding = { ...pick(kv), put: (key: string, value: string) => patiently(() => kv.put(key, value)) };
  const driver = cloudflareKv({ binding: binding as KVNamespace });
  return {
    async getItem(key) {
      const text = await driver.getItem(key);
      return typeof text === "string" ? fromJson(text) : text;
    },
    async setItem(key, value) {
      await driver.setItem?.(key, JSON.stringify(value), {});
    },
    async removeItem(key) {
      await driver.removeItem?.(key, {});
    },
  };
}

/** What is none stays a text, which no record is: the fault is told without quoting it. */
function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Bound by hand: a binding's methods are not its own properties. */
const pick = (kv: KVNamespace) => ({
  get: (key: string) => kv.get(key),
  delete: (key: string) => kv.delete(key),
  list: (options: KVNamespaceListOptions) => kv.list(options),
});

/** Lists come in ascending order, and so a page ends the listing. */
const pageOf =
  (kv: KVNamespace): IdPage =>
  async (collection, after, limit) => {
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

/** KV takes one write a second for a key, and answers 429 to a second one. */
async function patiently(write: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await write();
    } catch (error) {
      if (attempt === 3 || !/\b429\b/.test(String(error))) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1_100));
    }
  }
}
