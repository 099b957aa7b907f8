import { createStorage } from "unstorage";
import cloudflareKv from "unstorage/drivers/cloudflare-kv-binding";
import type { Ledger, Records } from "../../src/ports.ts";
import { createRecords, type IdPage } from "../../src/storage/records.ts";
import { withRecentAgents } from "./recent-agents.ts";

/** Records in Workers KV. */
export function createKvRecords(kv: KVNamespace, ledger: Pick<Ledger, "get" | "put">): Records {
  const binding = { ...pick(kv), put: (key: string, value: string) => patiently(() => kv.put(key, value)) };
  const records = createRecords(
    createStorage({ driver: cloudflareKv({ binding: binding as KVNamespace }) }),
    pageOf(kv),
  );
  return withRecentAgents(records, ledger);
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
