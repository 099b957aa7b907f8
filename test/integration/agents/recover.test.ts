import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import { openSqliteLedger } from "../../../adapters/node/sqlite/sqlite-ledger.ts";
import { type App, createApp } from "../../../src/app.ts";
import { Problem } from "../../../src/errors.ts";
import { createRegistryHost } from "../../../src/host/registry-host.ts";
import type { AgentHost } from "../../../src/ports.ts";
import type { AgentRecord } from "../../../src/schema/agent.ts";
import type { Context } from "../../../src/service/context.ts";
import { createInFlightElsewhere } from "../../../src/service/operations/in-flight-elsewhere.ts";
import { type Operation, operationText } from "../../../src/service/operations/operation.ts";
import { recoverOperations } from "../../../src/service/operations/recover.ts";
import { agentClaim } from "../../../src/storage/ledger-names.ts";
import { bareContext } from "../../bare-context.ts";

let stateDir: string;
let node: NodePorts;
let context: Context;
let removed: string[];
let host: Partial<AgentHost>;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openclaw-recover-"));
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
  const settings = readNodeSettings(env);
  removed = [];
  host = {};
  const base: AgentHost = {
    ...createRegistryHost(),
    kind: "remote",
    async remove({ agentId }) {
      removed.push(agentId);
      return { deleted: ["entry"], preserved: [] };
    },
  };
  const proxied = new Proxy(base, { get: (target, name) => Reflect.get(host, name) ?? Reflect.get(target, name) });
  node = await openNode(settings, { env, log: () => undefined, host: proxied });
  const instance = { id: "here", isGone: (owner: string) => owner.startsWith("dead.") };
  context = bareContext({ ...node.ports, instance, settings: settings.settings });
});
afterEach(async () => {
  await node.close();
  await rm(stateDir, { recursive: true, force: true });
});

const silent = () => Promise.reject(new Problem("gateway_failed", "It does not answer."));
const unknown = { workspace: "unknown", agentDir: "unknown", credentials: "unknown" } as const;

/** The remains of a process that dies in the middle of a creation. */
async function interrupted(agentId: string, more: Partial<Operation> = {}): Promise<Operation> {
  const operationId = `dead.${agentId}`;
  const note = { action: "create" as const, operationId, creation: operationId, agentId, bindings: [], ...more };
  await context.ledger.claim(agentClaim(agentId), { owner: operationId, ttlMs: 30_000, note: operationText(note) });
  return note;
}

async function recorded(note: Operation, more: Partial<AgentRecord> = {}): Promise<void> {
  const now = "2026-11-22T18:00:00.000Z";
  const { agentId, operationId } = note;
  const basis = { agentId, name: agentId, bindings: [], credentials: [], suspended: false, operationId };
  await context.records.set("agents", agentId, { ...basis, createdAt: now, updatedAt: now, ...more });
}

const isHeld = async (agentId: string) => {
  const name = agentClaim(agentId);
  const { granted } = await context.ledger.claim(name, { owner: "probe", ttlMs: 30_000 });
  if (granted) await context.ledger.release(name, "probe");
  return !granted;
};
const isReady = async (app: App) => (await app.fetch(new Request("http://h/readyz"))).status === 200;
const outcomes = async () =>
  (await context.audit.read({ limit: 100, filter: { target: "a" } })).events.map((event) => event.details?.recovered);

it("settles what was left once, though several look for it at once", async () => {
  for (const id of ["a", "b", "c"]) await interrupted(id);
  let held = false;
  host.remove = async ({ agentId }) => {
    held ||= await isHeld(agentId);
    removed.push(agentId);
    await new Promise((resolve) => setTimeout(resolve, 20));
    return { deleted: [], preserved: [] };
  };
  const all = await Promise.all([1, 2, 3].map(() => recoverOperations(context)));
  expect(all.flat()).toHaveLength(3);
  expect(removed.sort()).toEqual(["a", "b", "c"]);
  expect(await outcomes()).toEqual(["undone"]);
  // Nobody could have made anew what was being undone.
  expect(held).toBe(true);
  expect(await isHeld("a")).toBe(false);
});

it("takes on no more than an invocation may do, and comes to what is behind those that cannot be settled", async () => {
  for (const id of ["a", "b", "c", "d", "e"]) await interrupted(id);
  host.remove = async ({ agentId }) => {
    removed.push(agentId);
    throw new Problem("delete_not_allowed");
  };
  for (let run = 0; run < 3; run++) {
    const clock = { now: () => Date.now() + run * 300_000 };
    await recoverOperations({ ...context, clock, mostBulkChanges: 2 });
    expect(removed).toHaveLength(2 * (run + 1));
  }
  expect([...new Set(removed)].sort()).toEqual(["a", "b", "c", "d", "e"]);
});

it("goes on where one died who was at it", async () => {
  await interrupted("a");
  const died = new Error("killed");
  host.remove = () => Promise.reject(died);
  const other = { ...context, instance: { id: "dead", isGone: context.instance.isGone } };
  other.ledger = { ...context.ledger, release: () => Promise.reject(died) };
  await expect(recoverOperations(other)).rejects.toBe(died);
  host = {};
  delete host.remove;
  expect(await recoverOperations(context)).toHaveLength(1);
});

it("does not let a gateway that is down keep the others' agents waiting", async () => {
  await interrupted("a", { gateway: "gw1" });
  await interrupted("b", { gateway: "gw2" });
  await interrupted("c", { gateway: "gw1" });
  let asked = 0;
  host.remove = async (agent) => {
    if (agent.gateway === "gw1" && ++asked > 0) return await silent();
    removed.push(agent.agentId);
    return { deleted: [], preserved: [] };
  };
  expect(await recoverOperations(context)).toEqual(['create of agent "b": undone']);
  expect(removed).toEqual(["b"]);
  // One refusal is enough: each costs the patience with a gateway.
  expect(asked).toBe(1);
  expect(await isHeld("a")).toBe(true);
  delete host.remove;
  expect(await recoverOperations(context)).toHaveLength(2);
  expect(await isHeld("a")).toBe(false);
});

it.each(["gateway_not_found", "delete_not_allowed"] as const)(
  "keeps what is refused (%s) for later, and is ready with the others settled",
  async (code) => {
    for (const id of ["a", "b", "c"]) await interrupted(id, { gateway: "gw1" });
    host.remove = async ({ agentId }) => {
      if (agentId !== "c") throw new Problem(code);
      removed.push(agentId);
      return { deleted: [], preserved: [] };
    };
    const app = createApp({ ...node.ports, instance: context.instance }, context.settings);
    app.holdReadiness(createInFlightElsewhere(app.context));
    let settled = 0;
    expect((await app.maintain(() => settled++)).recovered).toEqual(['create of agent "c": undone']);
    expect(settled).toBe(1);
    expect(await isReady(app)).toBe(true);
    expect([await isHeld("a"), await isHeld("b"), await isHeld("c")]).toEqual([true, true, false]);
    expect(await outcomes()).toEqual([]);
    delete host.remove;
    expect(await recoverOperations(context)).toHaveLength(2);
    expect(await isHeld("a")).toBe(false);
  },
);

it("is not ready while a store fails in which it would have to be looked", async () => {
  await interrupted("a", { gateway: "gw1" });
  host.remove = () => Promise.reject(new Problem("store_unreadable"));
  await expect(recoverOperations(context)).rejects.toMatchObject({ code: "store_unreadable" });
  expect(await isHeld("a")).toBe(true);
});

it("settles what was noted of a workspace that is not well-formed, and of a binding", async () => {
  context = { ...context, host: createRegistryHost() };
  const asked = { name: "a", identity: { name: "\ud800", emoji: "\ud800" }, skipBootstrap: false };
  await interrupted("a", { workspace: "/x/\ud8001", bindings: ["telegram:\ud800"], asked });
  expect(await recoverOperations(context)).toEqual(['create of agent "a": undone']);
  expect(await isHeld("a")).toBe(false);
});

it("lets a fault of ours in one change keep neither the others nor readiness waiting", async () => {
  for (const id of ["a", "b", "c"]) await interrupted(id);
  const logged = vi.fn();
  host.remove = async ({ agentId }) => {
    if (agentId === "a") throw new TypeError("nobody thought of this");
    removed.push(agentId);
    return { deleted: [], preserved: [] };
  };
  const app = createApp({ ...node.ports, log: logged, instance: context.instance }, context.settings);
  app.holdReadiness(createInFlightElsewhere(app.context));
  expect((await app.maintain()).recovered).toHaveLength(2);
  expect(await isReady(app)).toBe(true);
  expect(logged).toHaveBeenCalledWith("error", expect.any(String), expect.objectContaining({ agentId: "a" }));
  expect([await isHeld("a"), await isHeld("b"), await isHeld("c")]).toEqual([true, false, false]);
  // It is tried again.
  delete host.remove;
  expect(await recoverOperations(context)).toEqual(['create of agent "a": undone']);
});

it("is not ready where a store fails in words of its own", async () => {
  await interrupted("a");
  host.remove = () => Promise.reject(new Error("SQLITE_CORRUPT"));
  const away = new Error("no such table");
  const failing = { ...context, ledger: { ...context.ledger, check: () => Promise.reject(away) } };
  await expect(recoverOperations(failing)).rejects.toBe(away);
  expect(await isHeld("a")).toBe(true);
});

it("does not undo a whole agent whose gateway is silent", async () => {
  await recorded(await interrupted("a", { gateway: "gw1" }), { gateway: "gw1" });
  host.find = async () => ({ agents: [], unreachable: [] });
  host.inspect = async () => ({ reachable: false, ...unknown });
  expect(await recoverOperations(context)).toEqual([]);
  expect(removed).toEqual([]);
  expect(await context.records.get("agents", "a")).toBeDefined();
  // It may begin to answer between the two questions.
  host.inspect = async () => ({ reachable: true, ...unknown });
  host.find = async () => ({ agents: [], unreachable: ["gw1"] });
  expect(await recoverOperations(context)).toEqual([]);
  const there = { name: "a", bindings: [], gateway: "gw1" };
  host.find = async (agentId) => ({ agents: [{ agentId, ...there }], unreachable: [] });
  host.inspect = async () => ({ reachable: true, ...unknown });
  expect(await recoverOperations(context)).toEqual(['create of agent "a": finished']);
  expect(await context.records.get("agents", "a")).toBeDefined();
});

it("writes down where the gateway put a whole agent, whatever was asked for", async () => {
  const asked = { gateway: "gw1", workspace: "~/shared/" };
  await recorded(await interrupted("a", asked), asked);
  const there = { name: "a", bindings: [], gateway: "gw1", workspace: "/home/ops/shared", agentDir: "/home/ops/a" };
  const elsewhere = { ...there, gateway: "gw0", workspace: "/home/others/a" };
  host.find = async (agentId) => ({ agents: [elsewhere, there].map((one) => ({ agentId, ...one })), unreachable: [] });
  host.inspect = async () => ({ reachable: true, ...unknown });
  expect(await recoverOperations(context)).toEqual(['create of agent "a": finished']);
  const { workspace, agentDir } = there;
  expect(await context.records.get("agents", "a")).toMatchObject({ gateway: "gw1", workspace, agentDir });
});

it("undoes an agent that never got the credential it was made with", async () => {
  await recorded(await interrupted("a"), { credentials: ["anthropic"], aiKeyId: "k1" });
  host.find = async (agentId) => ({ agents: [{ agentId, name: agentId, bindings: [] }], unreachable: [] });
  host.inspect = async () => ({ reachable: true, ...unknown, credentials: "missing" });
  expect(await recoverOperations(context)).toEqual(['create of agent "a": undone']);
  expect(removed).toEqual(["a"]);
  expect(await context.records.get("agents", "a")).toBeUndefined();
});

it("takes back its own turn, whose release was lost, and no turn that it has", async () => {
  const gone = new Error("the store is away");
  const failing = { ...context, ledger: { ...context.ledger, release: () => Promise.reject(gone) } };
  await expect(recoverOperations(failing)).rejects.toBe(gone);
  await interrupted("a");
  expect(await recoverOperations(context)).toHaveLength(1);
});

it("lets go of a dead settler's turn and agent after half a minute, and a living one keeps both", async () => {
  let ahead = 0;
  const clock = { now: () => Date.now() + ahead };
  const ledger = await openSqliteLedger({ path: join(stateDir, "other.sqlite"), clock });
  context = { ...context, ledger, clock };
  await interrupted("a");
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  host.remove = async () => {
    begun.resolve();
    await end.promise;
    return { deleted: [], preserved: [] };
  };
  const settling = recoverOperations(context);
  await begun.promise;
  for (let renewal = 0; renewal < 6; renewal++) {
    ahead += 10_000;
    await vi.advanceTimersByTimeAsync(10_000);
  }
  expect(await isHeld("a")).toBe(true);
  const elsewhere = { ...context, instance: { id: "elsewhere", isGone: () => false } };
  expect(await recoverOperations(elsewhere)).toEqual([]);
  // As if it were gone: nothing is renewed any more.
  vi.clearAllTimers();
  ahead += 30_001;
  host = {};
  expect(await recoverOperations(elsewhere)).toEqual(['create of agent "a": undone']);
  end.resolve();
  await settling;
  vi.useRealTimers();
  await ledger.close();
});

describe("readiness", () => {
  const note = operationText({
    action: "create",
    operationId: "other.a",
    creation: "other.a",
    agentId: "a",
    bindings: [],
  });
  const under = (owner: string) => ({ owner, ttlMs: 60_000, note });

  it("waits for the very changes that others had under way, and for no later ones", async () => {
    const app = createApp({ ...node.ports, instance: context.instance }, context.settings);
    await context.ledger.claim(agentClaim("a"), under("other.1"));
    app.holdReadiness(createInFlightElsewhere(app.context));
    expect(await app.recover()).toBe(false);
    expect(await isReady(app)).toBe(false);
    await context.ledger.claim(agentClaim("b"), under("other.2"));
    await context.ledger.claim(agentClaim("mine"), under("here.1"));
    await context.ledger.release(agentClaim("a"), "other.1");
    await context.ledger.claim(agentClaim("a"), under("other.3"));
    let settled = 0;
    await app.maintain(() => settled++);
    expect(settled).toBe(1);
    expect(await isReady(app)).toBe(true);
    expect(await app.recover()).toBe(true);
  });

  it("waits for 40 s at most", async () => {
    const app = createApp({ ...node.ports, instance: context.instance }, context.settings);
    await context.ledger.claim(agentClaim("a"), under("other.1"));
    app.holdReadiness(createInFlightElsewhere(app.context));
    expect(await app.recover()).toBe(false);
    const later = performance.now() + 40_000;
    const time = vi.spyOn(performance, "now").mockImplementation(() => later);
    try {
      expect(await app.recover()).toBe(true);
    } finally {
      time.mockRestore();
    }
  });
});
