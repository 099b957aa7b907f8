import { expect, it } from "vitest";
import type { Records } from "../../src/storage/keyspace.ts";

/** By its address, for its types are those of another runtime. */
const kvRecords: string = "../../adapters/cloudflare/kv-records.ts";

it("waits where KV refuses a second write or deletion of a key within a second", async () => {
  const stored = new Map<string, string>();
  const writtenAt = new Map<string, number>();
  const once = (key: string, operation: string) => {
    const now = performance.now();
    if (now - (writtenAt.get(key) ?? Number.NEGATIVE_INFINITY) < 1_000) {
      throw new Error(`KV ${operation} failed: 429 Too Many Requests`);
    }
    writtenAt.set(key, now);
  };
  const kv = {
    get: async (key: string) => stored.get(key) ?? null,
    async put(key: string, value: string) {
      once(key, "PUT");
      stored.set(key, value);
    },
    async delete(key: string) {
      once(key, "DELETE");
      stored.delete(key);
    },
  };
  const records: Records = (await import(kvRecords)).createKvRecords(kv, {});
  await records.set("ai-keys", "k", {} as never);
  await records.set("ai-keys", "k", {} as never);
  await records.remove("ai-keys", "k");
  expect(stored.size).toBe(0);
});
