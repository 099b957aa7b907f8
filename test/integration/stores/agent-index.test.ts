import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import { type App, createApp } from "../../../src/app.ts";
import { periodOf } from "../../../src/domain/quota.ts";
import type { UsageEntry } from "../../../src/ports.ts";
import type { AgentRecord } from "../../../src/schema/agent.ts";
import { createAgentIndex } from "../../../src/service/agent-index/agent-index.ts";
import { type IndexEntry, indexEntry } from "../../../src/service/agent-index/index-entry.ts";
import { completeIndex } from "../../../src/service/agent-index/reconcile-index.ts";
import { searchAgents } from "../../../src/service/agents/search-agents.ts";
import { saveAgent } from "../../../src/service/state/agent-record.ts";
import {
  agentIndexBucket,
  agentIndexBuckets,
  agentIndexState,
  aiKeyLedger,
} from "../../../src/storage/ledger-names.ts";

let stateDir: string;
let node: NodePorts;
let app: App;
let ahead: number;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openclaw-agent-index-"));
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
  const settings = readNodeSettings(env);
  node = await openNode(settings, { env, log: () => undefined });
  ahead = 0;
  app = createApp({ ...node.ports, clock: { now: () => Date.now() + ahead } }, settings.settings);
});
afterEach(async () => {
  await node.close();
  await rm(stateDir, { recursive: true, force: true });
});

const at = "2026-11-01T00:00:00.000Z";
const record = (agentId: string, more: Partial<AgentRecord> = {}): AgentRecord => ({
  agentId,
  name: agentId,
  bindings: [],
  credentials: [],
  suspended: false,
  operationId: `op.${agentId}`,
  createdAt: at,
  updatedAt: at,
  ...more,
});
const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `agent-${n}`);
const everyone = { actor: "cli", reach: "all" as const };
const search = async () => await searchAgents(app.context, everyone, { limit: 1000, sort: "agentId" });
const ids = async () => (await search()).agents.map(({ agentId }) => agentId);

describe("the index of agents", () => {
  it("keeps what many write at the same time, in several instances", async () => {
    const instances = [1, 2, 3].map(() => createAgentIndex(node.ports.ledger));
    const all = names(300);
    await Promise.all(
      all.map((agentId, n) => instances[n % 3]!.write(new Map([[agentId, indexEntry(record(agentId))]]))),
    );
    for (const instance of instances) {
      expect((await instance.entries()).map(({ agentId }) => agentId).sort()).toEqual(all.toSorted());
    }
    await Promise.all(all.slice(0, 299).map((id, n) => instances[(n + 1) % 3]!.write(new Map([[id, undefined]]))));
    expect(await instances[0]!.entries()).toHaveLength(1);
  });

  it("loses an agent whom another instance made than the one that deletes it", async () => {
    const [one, other] = [createAgentIndex(node.ports.ledger), createAgentIndex(node.ports.ledger)];
    expect(await other.entries()).toEqual([]);
    await one.write(new Map([["one", indexEntry(record("one"))]]));
    await other.write(new Map([["one", undefined]]));
    expect(await one.entries()).toEqual([]);
  });

  it("keeps the later of two changes of one agent, in whatever order they come", async () => {
    const index = createAgentIndex(node.ports.ledger);
    const entry = (name: string, updatedAt: string): Map<string, IndexEntry> =>
      new Map([["one", indexEntry(record("one", { name, updatedAt }))]]);
    await index.write(entry("later", "2026-11-02T00:00:00.000Z"));
    await index.write(entry("earlier", "2026-11-01T12:00:00.000Z"));
    expect(await index.entries()).toMatchObject([{ name: "later" }]);
    // Made anew under its id, it is another.
    const anew = record("one", { name: "anew", createdAt: "2026-11-03T00:00:00.000Z" });
    await index.write(new Map([["one", indexEntry(anew)]]));
    expect(await index.entries()).toMatchObject([{ name: "anew" }]);
  });

  it("follows a change by an instance whose clock is behind that of the one before", async () => {
    const { records } = app.context;
    await records.set("agents", "one", record("one", { updatedAt: new Date(Date.now() + 60_000).toISOString() }));
    const before = (await records.get("agents", "one"))!;
    const saved = await saveAgent(app.context, { ...before, labels: { tenant: "acme" } });
    expect((await search()).agents).toMatchObject([{ labels: { tenant: "acme" }, updatedAt: saved.updatedAt }]);
    await app.maintain();
    expect(await app.context.agentIndex.entries()).toMatchObject([{ labels: { tenant: "acme" } }]);
  });

  it("tells two changes within one millisecond apart, and lets the second write over no other", async () => {
    const { records } = app.context;
    const now = Date.now();
    const context = { ...app.context, clock: { now: () => now } };
    await records.set("agents", "one", record("one"));
    const first = await saveAgent(context, (await records.get("agents", "one"))!);
    const second = await saveAgent(context, { ...first, name: "second" });
    expect(Date.parse(second.updatedAt)).toBeGreaterThan(Date.parse(first.updatedAt));
    await expect(saveAgent(context, { ...first, name: "late" })).rejects.toMatchObject({ code: "agent_busy" });
  });

  it("has every agent that was there before it", async () => {
    for (const agentId of names(30)) await node.ports.records.set("agents", agentId, record(agentId));
    expect(await ids()).toEqual(names(30).sort());
  });

  it("says that it is being built where an invocation is bounded, and is whole after a few", async () => {
    const many = Array.from({ length: 3500 }, (_, n) => record(`agent-${String(n).padStart(4, "0")}`));
    const list = async (_: string, { cursor = "", limit = many.length }: { cursor?: string; limit?: number } = {}) => {
      const items = many.filter(({ agentId }) => agentId > cursor).slice(0, limit);
      const last = items.at(-1)!;
      return last === many.at(-1) ? { items } : { items, nextCursor: last.agentId };
    };
    const records = { ...node.ports.records, list } as unknown as typeof node.ports.records;
    const bounded = createApp({ ...node.ports, records, mostBulkChanges: 25 }, app.context.settings);
    const searched = searchAgents(bounded.context, everyone, { limit: 10, sort: "agentId" });
    await expect(searched).rejects.toMatchObject({ code: "not_ready", headers: { "retry-after": "2" } });
    expect(await completeIndex(bounded.context)).toBe(true);
    expect(await bounded.context.agentIndex.entries()).toHaveLength(3500);
  });

  it("is mended by maintenance: missing, stale, damaged and left over", async () => {
    const { records, ledger } = node.ports;
    for (const agentId of names(5)) await app.context.records.set("agents", agentId, record(agentId));
    expect(await ids()).toHaveLength(5);
    // Behind its back, as a process does that dies before it writes the index.
    await records.set("agents", "agent-5", record("agent-5"));
    await records.set("agents", "agent-0", record("agent-0", { name: "New", updatedAt: "2026-11-05T00:00:00.000Z" }));
    await records.remove("agents", "agent-1");
    await ledger.put(agentIndexBucket(7), "{damaged");
    ahead = 3_600_000;
    await app.maintain();
    const { agents, total } = await search();
    expect(agents.map(({ agentId, name }) => [agentId, name])).toEqual([
      ["agent-0", "New"],
      ["agent-2", "agent-2"],
      ["agent-3", "agent-3"],
      ["agent-4", "agent-4"],
      ["agent-5", "agent-5"],
    ]);
    expect(total).toBe(5);
  });

  it("is left alone by a pass that finds it right", async () => {
    for (const agentId of names(5)) {
      const more = { bindings: ["telegram:x"], credentials: ["openai"], labels: { a: "b" }, suspended: true };
      await app.context.records.set("agents", agentId, record(agentId, more));
    }
    const texts = async () =>
      await Promise.all(
        Array.from({ length: agentIndexBuckets }, (_, n) => node.ports.ledger.get(agentIndexBucket(n))),
      );
    await app.maintain();
    const before = await texts();
    await node.ports.ledger.put(agentIndexState, undefined);
    await app.maintain();
    expect(await texts()).toEqual(before);
  });

  it("does not make a change fail that it cannot note", async () => {
    const { ledger } = node.ports;
    const broken = { ...ledger, replace: async () => Promise.reject(new Error("the disk is full")) };
    const logs: string[] = [];
    const other = createApp(
      { ...node.ports, ledger: broken, log: (_, message) => void logs.push(message) },
      app.context.settings,
    );
    await other.context.records.set("agents", "one", record("one"));
    expect(await node.ports.records.get("agents", "one")).toBeDefined();
    expect(logs).toEqual([expect.stringContaining("maintenance mends it")]);
  });
});

describe("the end of an agent", () => {
  const events = async () =>
    (await node.ports.audit.read({ limit: 100, filter: { action: "agent.expire" } })).events.map(
      ({ phase, actor, target, outcome }) => ({ phase, actor, target, outcome }),
    );
  const soon = () => new Date(app.context.clock.now() + 1000).toISOString();

  it("is noted in the trail once, by whichever instance comes first", async () => {
    const { records } = app.context;
    await records.set("agents", "one", record("one", { expiresAt: soon() }));
    await records.set("agents", "other", record("other", { expiresAt: "2099-01-01T00:00:00.000Z" }));
    await app.maintain();
    expect(await events()).toEqual([]);
    ahead = 1000;
    const twin = createApp({ ...node.ports, clock: app.context.clock }, app.context.settings);
    await Promise.all([app.maintain(), twin.maintain(), app.maintain()]);
    await app.maintain();
    expect(await events()).toEqual([
      { phase: "outcome", actor: "expiry", target: "one", outcome: "success" },
      { phase: "intent", actor: "expiry", target: "one", outcome: undefined },
    ]);
    expect((await search()).agents.map(({ status }) => status)).toEqual(["suspended", "needs_auth"]);
  });

  it("is noted again where it was put off and came again", async () => {
    const { records } = app.context;
    await records.set("agents", "one", record("one", { expiresAt: soon() }));
    ahead = 1000;
    await app.maintain();
    const noted = (await records.get("agents", "one"))!;
    expect(noted.endedAt).toBe(noted.expiresAt);
    await records.set("agents", "one", { ...noted, expiresAt: soon(), endedAt: undefined, updatedAt: soon() });
    ahead = 2500;
    await app.maintain();
    expect((await events()).filter(({ phase }) => phase === "outcome")).toHaveLength(2);
  });
});

describe("a search by what was spent", () => {
  const spend = async (keyId: string, tokens: number, limit: number, microUsd: number) => {
    const names = aiKeyLedger(keyId);
    const now = app.context.clock.now();
    const period = periodOf("month", now);
    const { ledger } = app.context;
    const id = names.reservation(`${keyId}-${tokens}`);
    const entries = [
      { counter: names.tokens, period, limit, amount: tokens },
      { counter: names.usd, period, limit: null, amount: microUsd },
    ];
    expect(await ledger.reserve(id, entries)).toEqual({ outcome: "reserved" });
    const day = periodOf("day", now);
    await ledger.settle(
      id,
      { [names.tokens]: tokens, [names.usd]: microUsd },
      usageEntry(names.usage, day, tokens, microUsd),
    );
  };
  const usageEntry = (name: UsageEntry["name"], day: string, tokens: number, microUsd: number): UsageEntry => ({
    name,
    day,
    model: "m",
    requests: 1,
    inputTokens: tokens,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    outputTokens: 0,
    tokens,
    webSearches: 0,
    microUsd,
    unpricedRequests: 0,
  });
  const found = async (query: Partial<Parameters<typeof searchAgents>[2]>) => {
    const { agents, asOf, nextCursor } = await searchAgents(app.context, everyone, { limit: 100, ...query });
    return { ids: agents.map(({ agentId }) => agentId), asOf, nextCursor };
  };

  it("finds those near a limit, and orders by shares and by use, page by page", async () => {
    for (const agentId of ["a", "b", "c", "d"]) {
      await app.context.records.set("agents", agentId, record(agentId, { aiKeyId: `key${agentId}` }));
    }
    await spend("keya", 60, 100, 9_000_000);
    await spend("keyb", 950, 1000, 1_000_000);
    await spend("keyc", 85, 100, 0);
    const near = await found({ minShare: 0.8 });
    expect(near.ids).toEqual(["b", "c"]);
    expect(Date.parse(near.asOf!)).toBeLessThanOrEqual(app.context.clock.now());
    expect((await found({ minShare: 0.5, q: "a" })).ids).toEqual(["a"]);
    expect((await found({ minShare: 1 })).ids).toEqual([]);
    expect((await found({ sort: "-share" })).ids).toEqual(["b", "c", "a", "d"]);
    expect((await found({ sort: "-tokens" })).ids).toEqual(["b", "c", "a", "d"]);
    expect((await found({ sort: "-usd" })).ids).toEqual(["a", "b", "c", "d"]);
    const first = await found({ sort: "-usd", limit: 1 });
    expect(first.ids).toEqual(["a"]);
    expect((await found({ sort: "-usd", cursor: first.nextCursor! })).ids).toEqual(["b", "c", "d"]);
    expect((await found({ sort: "createdAt" })).asOf).toBeUndefined();
  });
});
