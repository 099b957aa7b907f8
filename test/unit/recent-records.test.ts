import { beforeEach, describe, expect, it } from "vitest";
import type { Ledger } from "../../src/ports.ts";
import type { AgentRecord } from "../../src/schema/agent.ts";
import type { Records } from "../../src/storage/keyspace.ts";

/** By its address, for its types are those of another runtime. */
const kvRecords: string = "../../adapters/cloudflare/kv-records.ts";

describe("a record whose writing broke off between the ledger and KV", () => {
  const stored = new Map<string, string>();
  const texts = new Map<string, { text: string; endsAt: number }>();
  let now = 0;
  let kvWorks = true;
  let records: Records;

  const agent = { agentId: "a", name: "A", operationId: "op", createdAt: at(0), updatedAt: at(0) };
  function at(time: number): string {
    return new Date(time).toISOString();
  }
  const write = (change: () => void) => async () => {
    if (!kvWorks) throw new Error("KV PUT failed: 500 Internal Server Error");
    change();
  };
  const kv = {
    get: async (key: string) => stored.get(key) ?? null,
    put: (key: string, value: string) => write(() => stored.set(key, value))(),
    delete: (key: string) => write(() => stored.delete(key))(),
  };
  const read = (name: string) => {
    const found = texts.get(name);
    return found && found.endsAt > now ? found.text : undefined;
  };
  const put = (name: string, text: string | undefined, ttlMs = Number.POSITIVE_INFINITY) =>
    text === undefined ? texts.delete(name) : texts.set(name, { text, endsAt: now + ttlMs });
  const ledger: Pick<Ledger, "get" | "put" | "replace"> = {
    get: async (name) => read(name),
    put: async (name, text, ttlMs) => void put(name, text, ttlMs),
    async replace(name, expected, text, ttlMs) {
      if (read(name) !== expected) return false;
      put(name, text, ttlMs);
      return true;
    },
  };
  const isIts = (current: AgentRecord | undefined) => current?.operationId === "op";
  const name = async () => (await records.get("agents", "a"))?.name;

  beforeEach(async () => {
    for (const map of [stored, texts]) map.clear();
    [now, kvWorks] = [0, true];
    records = (await import(kvRecords)).createKvRecords(kv, ledger);
    const full = { ...agent, bindings: [], credentials: [], suspended: false };
    await records.set("agents", "a", full as never);
  });

  async function brokenOff(change: () => Promise<unknown>): Promise<void> {
    kvWorks = false;
    await expect(change()).rejects.toMatchObject({ code: "store_unwritable" });
    kvWorks = true;
  }

  it("stays as the ledger has it, however late it is asked for", async () => {
    const before = (await records.get("agents", "a"))!;
    await brokenOff(() => records.replace("agents", "a", isIts, { ...before, name: "B" }));
    expect(await name()).toBe("B");
    now += 3_600_000;
    expect(await name()).toBe("B");
  });

  it("is brought to KV by who tries again, and is remembered no longer than needed", async () => {
    await brokenOff(() => records.replace("agents", "a", isIts, undefined));
    expect(await records.replace("agents", "a", isIts, undefined)).toBe(false);
    expect(stored.size).toBe(0);
    now += 3_600_000;
    expect(await name()).toBeUndefined();
    expect([...texts.keys()].filter((one) => read(one) !== undefined)).toEqual([]);
  });

  it("is removed from KV by who reads it next, where it is a webhook's, and no read fails by that", async () => {
    const url = "https://hooks.example.org/";
    const hook = { id: "w", url, events: ["test"], format: "standard", source: "api", createdAt: at(0) };
    await records.set("webhooks", "w", { ...hook, sealedSecret: "sealed" } as never);
    await brokenOff(() => records.remove("webhooks", "w"));
    kvWorks = false;
    expect(await records.get("webhooks", "w")).toBeUndefined();
    kvWorks = true;
    expect([...stored.keys()]).toContain("webhooks:w");
    expect(await records.get("webhooks", "w")).toBeUndefined();
    expect([...stored.keys()]).not.toContain("webhooks:w");
    now += 3_600_000;
    expect(await records.get("webhooks", "w")).toBeUndefined();
    expect([...texts.keys()].filter((one) => one.includes("w") && read(one) !== undefined)).toEqual([]);
  });
});
