import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type App, createApp } from "../../src/app.ts";
import { createRegistryHost } from "../../src/host/registry-host.ts";
import type { Abandoned, AuditTrail, Ledger, Outbox } from "../../src/ports.ts";
import { AiKeyState } from "../../src/schema/ai-key.ts";
import { createActivityLog } from "../../src/service/events/activity.ts";
import { parseSettings } from "../../src/settings.ts";
import type { Ports } from "../../src/storage/keyspace.ts";
import { aiKeyLedger } from "../../src/storage/ledger-names.ts";
import { callAsOperator } from "../call-as-operator.ts";
import {
  type CallPort,
  freshScope,
  type KvLike,
  startWorkerPorts,
  type WorkerPorts,
} from "../conformance/worker-ports.ts";
import { createGate, type Gate } from "./pausable.ts";

/**
 * Two isolates over the KV and the Durable Objects of workerd. One is stopped in the middle of a change, between its
 * writes to KV too, for longer than its lease; what it writes when it goes on must undo nothing of the other's.
 */
const leaseMs = 120;
const longerThanALease = () => new Promise((resolve) => setTimeout(resolve, leaseMs + 40));
const kvSteps = ["put", "delete"];
const ledgerSteps = ["put", "replace", "claim", "release", "reserve", "settle", "holder"];

/** By its address, for its types are those of another runtime. */
const kvRecords: string = "../../adapters/cloudflare/kv-records.ts";
let createKvRecords: (kv: KvLike, ledger: Ledger) => Ports["records"];

let worker: WorkerPorts;
let kv: KvLike;
beforeAll(async () => {
  worker = await startWorkerPorts();
  kv = await worker.kv();
  ({ createKvRecords } = await import(kvRecords));
});
afterAll(() => worker.dispose());

let scope: string;
let gate: Gate;
/** The isolate that is stopped in the middle. */
let a: App;
/** The one that works on meanwhile. */
let b: App;
/** How far the ledger's clock is ahead. */
let aheadMs: number;

const portOver = <T extends object>(send: CallPort): T =>
  new Proxy({} as T, {
    get: (_, method) => (method === "then" ? undefined : (...args: unknown[]) => send(String(method), args)),
  });

function scopedKv(): KvLike {
  const prefix = `${scope} `;
  return {
    async get(asked: string | string[]) {
      if (typeof asked === "string") return await kv.get(prefix + asked);
      const found = await Promise.all(asked.map(async (key) => [key, await kv.get(prefix + key)] as const));
      return new Map(found);
    },
    put: (key: string, value: string) => kv.put(prefix + key, value),
    delete: (key: string) => kv.delete(prefix + key),
    async list(options: Parameters<KvLike["list"]>[0]) {
      const list = await kv.list({ ...options, prefix: prefix + (options.prefix ?? "") });
      return { ...list, keys: list.keys.map((key) => ({ ...key, name: key.name.slice(prefix.length) })) };
    },
  } as unknown as KvLike;
}

function ledgerOver(): Ledger {
  const send = worker.handle("ledger", scope, () => Date.now() + aheadMs);
  // A function does not cross; and nobody knows of an isolate whether it is gone.
  const abandoned = () => send<Abandoned[]>("abandoned", [[]]);
  return new Proxy(portOver<Ledger>(send), {
    get: (of, name) => (name === "abandoned" ? abandoned : Reflect.get(of, name)),
  });
}

function isolate(id: string, records: KvLike, ledger: Ledger): App {
  const parsed = parseSettings({ gateway: { provisioning: { enabled: true, allowDelete: true } } }, "test");
  const ports: Ports = {
    records: createKvRecords(records, ledger),
    ledger,
    audit: portOver<AuditTrail>(worker.handle("audit", scope, Date.now)),
    outbox: portOver<Outbox>(worker.handle("outbox", scope, Date.now)),
    webhooks: { send: async () => ({ outcome: "delivered", status: 200 }) } as unknown as Ports["webhooks"],
    activity: createActivityLog(Date.now),
    host: createRegistryHost(),
    clock: { now: Date.now },
    crypto: {
      sha256: async (text) => Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(text))).toString("hex"),
      randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
    },
    fetch,
    log: () => {},
    instance: { id, leaseMs, isGone: () => false },
    sealKeys: () => [new Uint8Array(32).fill(7)],
    background: (work) => void work.catch(() => undefined),
  };
  return createApp(ports, {
    provisioning: { ...parsed.provisioning, publicUrl: "https://agents.example.org" },
    logLevel: "error",
    gatewayTokens: ["test-gateway-token"],
    adminTokens: [],
  });
}

const create = (app: App) =>
  callAsOperator(app, "POST", "/agents/create", {
    name: "one",
    bind: ["telegram:one"],
    autoProvisionAiKey: { provider: "anthropic" },
    revealAiKey: true,
  });
const remove = (app: App) => callAsOperator(app, "DELETE", "/agents/one");
const rename = (app: App, name: string) => callAsOperator(app, "PATCH", "/agents/one", { name });

/** As a client does that is told to try again in a moment. */
async function insist(work: () => ReturnType<typeof callAsOperator>): ReturnType<typeof callAsOperator> {
  for (let tries = 0; ; tries++) {
    const answer = await work();
    if (answer.body.code !== "agent_busy" || tries > 40) return answer;
    await longerThanALease();
  }
}

/** One of this process's own is there in the end, whatever has become of the other's. */
async function makeAnew(): Promise<string> {
  for (let tries = 0; tries < 5; tries++) {
    const answer = await insist(() => create(b));
    if (answer.status === 201) return answer.body.aiKey.keyId;
    expect(answer.body.code).toBe("agent_exists");
    expect([200, 404]).toContain((await insist(() => remove(b))).status);
  }
  throw new Error("the agent could not be made anew");
}

const stateOf = async (keyId: string): Promise<string | undefined> => {
  const text = await b.context.ledger.get(aiKeyLedger(keyId).state);
  return text === undefined ? undefined : AiKeyState.parse(JSON.parse(text)).status;
};

/** The state is of one making, and of none else: now, and once nothing but KV tells of it. */
async function expectWhole(keyId: string, name = "one"): Promise<void> {
  for (const laterMs of [0, 11 * 60_000]) {
    aheadMs = laterMs;
    expect(await b.context.records.get("agents", "one")).toMatchObject({ aiKeyId: keyId, name });
    expect(await stateOf(keyId)).toBe("active");
    expect((await b.context.records.list("ai-keys")).items.map((key) => key.keyId)).toEqual([keyId]);
  }
  aheadMs = 0;
}

async function expectGone(): Promise<void> {
  for (const laterMs of [0, 11 * 60_000]) {
    aheadMs = laterMs;
    expect(await b.context.records.get("agents", "one")).toBeUndefined();
    expect((await b.context.records.list("ai-keys")).items).toEqual([]);
  }
  aheadMs = 0;
}

beforeEach(async () => {
  scope = freshScope();
  gate = createGate();
  aheadMs = 0;
  const slept = gate.wrap("kv", scopedKv(), kvSteps, ["get", "list"]);
  const ledger = gate.wrap("ledger", ledgerOver(), ledgerSteps, ["renew", "get"]);
  a = isolate("isolate-a", slept, ledger);
  b = isolate("isolate-b", scopedKv(), ledgerOver());
  const provider = { provider: "anthropic", name: "Master", key: "sk-ant-not-a-real-key-0000", verify: false };
  expect((await callAsOperator(b, "POST", "/provisioning/ai-providers", provider)).status).toBe(201);
});
afterEach(() => gate.resume());

/** Stops `work` before that step; `undefined` where it has fewer. */
async function stopIn(step: number, work: () => ReturnType<typeof callAsOperator>) {
  gate.stopBefore(step);
  const asleep = work();
  const at = await Promise.race([gate.stopped, asleep]);
  if (typeof at !== "string") {
    // Each work has two steps at least: a stop that never comes must not pass for one that is over.
    expect(step).toBeGreaterThan(2);
    return undefined;
  }
  await longerThanALease();
  return {
    async wake() {
      gate.resume();
      const answer = await asleep;
      expect([at, answer.status]).not.toEqual([at, 500]);
      return answer;
    },
  };
}
const steps = (most: number) => Array.from({ length: most }, (_, at) => at + 1);

describe.each(steps(20))("stopped before step %i for longer than a lease", (step) => {
  it("a create undoes nothing that another isolate has made since", async () => {
    const stopped = await stopIn(step, () => create(a));
    if (!stopped) return;
    const keyId = await makeAnew();
    await expectWhole(keyId);
    await stopped.wake();
    await expectWhole(keyId);
  });
});

describe.each(steps(14))("stopped before step %i, of an agent that is there,", (step) => {
  let before: string;
  beforeEach(async () => {
    before = (await create(a)).body.aiKey.keyId;
  });

  it("a delete removes nothing of the one that was made since", async () => {
    const stopped = await stopIn(step, () => remove(a));
    if (!stopped) return;
    const keyId = await makeAnew();
    await stopped.wake();
    await expectWhole(keyId);
    expect(await stateOf(before)).toBe("revoked");
  });

  it("a change undoes neither a later change nor a deletion", async () => {
    const stopped = await stopIn(step, () => rename(a, "Older"));
    if (!stopped) return;
    expect((await insist(() => rename(b, "Newer"))).status).toBe(200);
    await stopped.wake();
    const { name } = (await b.context.records.get("agents", "one"))!;
    // Which of the two came last is the ledger's to say; before its first step the older one has not begun.
    expect(["Newer", "Older"]).toContain(name);
    await expectWhole(before, name);
  });

  it("a change brings no agent back that was deleted since", async () => {
    const stopped = await stopIn(step, () => rename(a, "Older"));
    if (!stopped) return;
    expect((await insist(() => remove(b))).status).toBe(200);
    await stopped.wake();
    await expectGone();
  });
});
