import { expect, it } from "vitest";
import type { Context } from "../../src/service/context.ts";
import { allRecords } from "../../src/service/state/all-records.ts";

/** By its address, for its types are those of another runtime. */
const kvRecords: string = "../../adapters/cloudflare/kv-records.ts";

it("all records of KV are read in few operations, and each page of them in as few as it has hundreds", async () => {
  const ids = Array.from({ length: 5_000 }, (_, at) => `agent-${String(at).padStart(4, "0")}`);
  const at = "2026-11-30T00:00:00.000Z";
  const basis = { bindings: [], credentials: [], suspended: false, operationId: "op", createdAt: at, updatedAt: at };
  let asked = 0;
  const kv = {
    async get(keys: string[]) {
      asked++;
      expect(keys.length).toBeLessThanOrEqual(100);
      const of = (key: string) => ({ ...basis, agentId: key.slice("agents:".length), name: "A" });
      return new Map(keys.map((key) => [key, JSON.stringify(of(key))]));
    },
    async list({ cursor = "0" }: { cursor?: string }) {
      asked++;
      const end = Number(cursor) + 1_000;
      const keys = ids.slice(Number(cursor), end).map((id) => ({ name: `agents:${id}` }));
      return end >= ids.length ? { keys, list_complete: true } : { keys, list_complete: false, cursor: `${end}` };
    },
  };
  const records = (await import(kvRecords)).createKvRecords(kv, {});
  const context = { records, mostBulkChanges: 25 } as unknown as Context;
  const found: string[] = [];
  for await (const { agentId } of allRecords(context, "agents")) found.push(agentId);
  expect(found).toEqual(ids);
  expect(asked).toBeLessThan(75);

  asked = 0;
  expect((await records.list("agents", { limit: 100 })).items).toHaveLength(100);
  expect(asked).toBe(2);
});
