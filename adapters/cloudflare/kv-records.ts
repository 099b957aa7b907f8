import { createStorage } from "unstorage";
import cloudflareKv from "unstorage/drivers/cloudflare-kv-binding";
import type { Records } from "../../src/ports.ts";
import { createRecords, type IdPage } from "../../src/storage/records.ts";

/** Records in Workers KV. Its lists come in ascending order, and so a page ends the listing. */
export function createKvRecords(kv: KVNamespace): Records {
  const page: IdPage = async (collection, after, limit) => {
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
  return createRecords(createStorage({ driver: cloudflareKv({ binding: kv }) }), page);
}
