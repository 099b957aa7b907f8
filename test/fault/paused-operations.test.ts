import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openDirectoryHost } from "../../adapters/node/directory-host/directory-host.ts";
import { readNodeSettings } from "../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../adapters/node/open-node.ts";
import { type App, createApp } from "../../src/app.ts";
import { digestIsValid } from "../../src/domain/secret-digests.ts";
import { AiKeyState } from "../../src/schema/ai-key.ts";
import { aiKeyLedger } from "../../src/storage/ledger-names.ts";
import { callAsOperator } from "../call-as-operator.ts";
import { hasRedis, type RedisServer, startRedis } from "../redis-server.ts";
import { type Pausable, pausable } from "./pausable.ts";

const leaseMs = 60;
const longerThanALease = () => new Promise((resolve) => setTimeout(resolve, leaseMs + 20));

let stateDir: string;
/** Where the stores are, if not in files. */
let storage: Record<string, string> = {};
let nodes: NodePorts[];
let sleeper: Pausable;
/** The process that is stopped in the middle. */
let a: App;
/** The one that works on meanwhile. */
let b: App;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openclaw-paused-"));
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token", ...storage };
  const settings = readNodeSettings(env);
  nodes = await Promise.all(
    [1, 2].map(() => {
      const host = openDirectoryHost({ stateDir, lockWaitMs: 200 });
      return openNode(settings, { env, log: () => undefined, host });
    }),
  );
  const [first, second] = nodes as [NodePorts, NodePorts];
  sleeper = pausable(first);
  const instance = { id: first.ports.instance.id, leaseMs, isGone: () => false };
  a = createApp({ ...sleeper.ports, instance }, settings.settings);
  b = createApp({ ...second.ports, instance }, settings.settings);
  const provider = { provider: "anthropic", name: "Master", key: "sk-ant-not-a-real-key-0000", verify: false };
  expect((await callAsOperator(b, "POST", "/provisioning/ai-providers", provider)).status).toBe(201);
});
afterEach(async () => {
  sleeper.resume();
  for (const node of nodes) await node.close();
  if (storage.OPENCLAW_PROVISIONING_STORAGE !== undefined) {
    const redis = new Redis(storage.OPENCLAW_PROVISIONING_STORAGE);
    await redis.flushall();
    redis.disconnect();
  }
  await rm(stateDir, { recursive: true, force: true });
});

const body = { name: "one", bind: ["telegram:one"], autoProvisionAiKey: { provider: "anthropic" }, revealAiKey: true };
const create = (app: App, key?: string) =>
  callAsOperator(app, "POST", "/agents/create", body, key === undefined ? {} : { "idempotency-key": key });
const remove = (app: App) =>
  callAsOperator(app, "DELETE", "/agents/one", { deleteWorkspace: true, deleteSessions: true });
const rotate = (app: App) =>
  callAsOperator(app, "POST", "/agents/one/ai-key/rotate", { revealAiKey: true, graceSeconds: 0 });
const onboard = (app: App, binding: string) =>
  callAsOperator(app, "POST", "/agents/one/onboard", {
    steps: ["auth", "bindings", "model"],
    auth: { provider: "openai", credentials: { apiKey: "sk-not-a-real-key" } },
    bindings: [binding],
    model: `model-${binding.slice(-4)}`,
  });

/** As a client does that is told to try again in a moment. */
async function insist(work: () => ReturnType<typeof callAsOperator>): ReturnType<typeof callAsOperator> {
  for (let tries = 0; ; tries++) {
    const answer = await work();
    // A process that is stopped while it holds a lock keeps others out for as long: nothing is done by halves.
    if (answer.body.code === "store_unwritable") sleeper.resume();
    else if (!["agent_busy", "idempotency_in_flight"].includes(answer.body.code) || tries > 40) return answer;
    await longerThanALease();
  }
}

/** One of this process's own is there in the end, whatever has become of the other's. */
async function makeAnew(): Promise<{ agentId: string; aiKey: { keyId: string; key: string } }> {
  for (let tries = 0; tries < 5; tries++) {
    const answer = await insist(() => create(b));
    if (answer.status === 201) return answer.body;
    expect(answer.body.code).toBe("agent_exists");
    expect([200, 404]).toContain((await insist(() => remove(b))).status);
  }
  throw new Error("the agent could not be made anew");
}

const read = (...path: string[]) => JSON.parse(readFileSync(join(stateDir, ...path), "utf8"));
async function stateOf(keyId: string): Promise<AiKeyState | undefined> {
  const text = await b.context.ledger.get(aiKeyLedger(keyId).state);
  return text === undefined ? undefined : AiKeyState.parse(JSON.parse(text));
}
const storedKey = (): string =>
  read("agents", "one", "agent", "auth-profiles.json").profiles["anthropic:dedicated"].key;

/** Record, host, key and places are of one making, and there is nothing of another. */
async function expectWhole(keyId: string): Promise<void> {
  const record = (await b.context.records.get("agents", "one"))!;
  const entry = read("agents", "one", "agent.json");
  expect(record).toMatchObject({ aiKeyId: keyId, operationId: entry.made.operationId });
  expect(entry.bindings).toEqual(record.bindings);
  expect(existsSync(join(stateDir, "workspace-one", "IDENTITY.md"))).toBe(true);
  const state = await stateOf(keyId);
  expect(state?.status).toBe("active");
  const digest = await b.context.crypto.sha256(storedKey());
  expect(digestIsValid(state!, digest, Date.now())).toBe(true);
  const { items } = await b.context.records.list("ai-keys");
  expect(items.map((key) => key.keyId)).toEqual([keyId]);
  // A binding that another asks for in vain is still this one's.
  for (const binding of record.bindings) {
    const other = { name: "other", bind: [binding] };
    expect((await callAsOperator(b, "POST", "/agents/create", other)).body.code).toBe("binding_taken");
  }
}

/** Nothing is left by which it, or another, could be kept from being made. */
async function expectGone(): Promise<void> {
  expect((await insist(() => remove(b))).status).toBe(200);
  expect(existsSync(join(stateDir, "agents", "one"))).toBe(false);
  expect(existsSync(join(stateDir, "workspace-one"))).toBe(false);
  expect((await b.context.records.list("ai-keys")).items).toEqual([]);
  expect(await b.context.ledger.get("agent:one/ai-keys")).toBeUndefined();
  const other = {
    name: "other",
    bind: ["telegram:one", "slack:aaaa", "slack:bbbb"],
    workspace: join(stateDir, "workspace-one"),
  };
  expect((await callAsOperator(b, "POST", "/agents/create", other)).status).toBe(201);
}

/** Stops `work` before that step, and resolves to the step; `undefined` where it has fewer. */
async function stopIn(step: number, work: () => ReturnType<typeof callAsOperator>) {
  sleeper.stopBefore(step);
  const asleep = work();
  const at = await Promise.race([sleeper.stopped, asleep]);
  if (typeof at !== "string") {
    // Each work has two steps at least: a stop that never comes must not pass for one that is over.
    expect(step).toBeGreaterThan(2);
    return undefined;
  }
  await longerThanALease();
  return {
    at,
    async wake() {
      sleeper.resume();
      const answer = await asleep;
      expect([at, answer.status]).not.toEqual([at, 500]);
      return answer;
    },
  };
}
const steps = (most: number) => Array.from({ length: most }, (_, at) => at + 1);

function creates(step: number): void {
  it("a create undoes nothing that another has made since", async () => {
    const stopped = await stopIn(step, () => create(a));
    if (!stopped) return;
    const made = await makeAnew();
    await expectWhole(made.aiKey.keyId);
    const woken = await stopped.wake();
    await expectWhole(made.aiKey.keyId);
    if (woken.body.aiKey) expect((await stateOf(woken.body.aiKey.keyId))?.status).toBe("revoked");
    await expectGone();
  });

  it("a create that is repeated with its Idempotency-Key makes one agent", async () => {
    const stopped = await stopIn(step, () => create(a, "once"));
    if (!stopped) return;
    const again = await insist(() => create(b, "once"));
    expect([200, 201]).toContain(again.status);
    await expectWhole(again.body.aiKey.keyId);
    const woken = await stopped.wake();
    if (woken.status < 300) expect(woken.body.aiKey.keyId).toBe(again.body.aiKey.keyId);
    await expectWhole(again.body.aiKey.keyId);
    expect((await create(b, "once")).body.aiKey.keyId).toBe(again.body.aiKey.keyId);
    await expectGone();
  });

  it("a create leaves nothing, though nobody made the agent anew", async () => {
    const stopped = await stopIn(step, () => create(a));
    if (!stopped) return;
    await b.maintain();
    const woken = await stopped.wake();
    if (woken.status === 201) await expectWhole(woken.body.aiKey.keyId);
    else {
      expect((await callAsOperator(b, "GET", "/agents/one")).status).toBe(404);
      expect((await b.context.records.list("ai-keys")).items).toEqual([]);
      await expectWhole((await makeAnew()).aiKey.keyId);
    }
    await expectGone();
  });
}
const title = "stopped before step %i for longer than a lease";
describe.each(steps(17))(title, creates);

describe.runIf(hasRedis)("on Redis", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
    storage = { OPENCLAW_PROVISIONING_STORAGE: redis.url };
  });
  afterAll(async () => {
    storage = {};
    await redis.dispose();
  });
  describe.each(steps(17).filter((step) => step % 2 === 0))(title, creates);
});

describe.each(steps(14))("stopped before step %i, of an agent that is there,", (step) => {
  let before: { aiKey: { keyId: string } };
  beforeEach(async () => {
    before = (await create(a)).body;
    await expectWhole(before.aiKey.keyId);
  });

  it("a delete removes nothing of the one that was made since", async () => {
    const stopped = await stopIn(step, () => remove(a));
    if (!stopped) return;
    const made = await makeAnew();
    await stopped.wake();
    await expectWhole(made.aiKey.keyId);
    expect((await stateOf(before.aiKey.keyId))?.status).toBe("revoked");
    await expectGone();
  });

  it.each(["rotate", "onboard"] as const)("a change (%s) is none of the one that was made since", async (which) => {
    const stopped = await stopIn(step, () => (which === "rotate" ? rotate(a) : onboard(a, "slack:aaaa")));
    if (!stopped) return;
    expect((await insist(() => remove(b))).status).toBe(200);
    const made = await makeAnew();
    expect(storedKey()).toBe(made.aiKey.key);
    await stopped.wake();
    await expectWhole(made.aiKey.keyId);
    expect(storedKey()).toBe(made.aiKey.key);
    expect(read("agents", "one", "agent.json")).toMatchObject({ bindings: ["telegram:one"] });
    expect((await stateOf(before.aiKey.keyId))?.status).toBe("revoked");
    await expectGone();
  });

  it("a rotation takes nothing back of one that was answered since", async () => {
    const stopped = await stopIn(step, () => rotate(a));
    if (!stopped) return;
    const { status, body } = await insist(() => rotate(b));
    expect(status).toBe(200);
    const woken = await stopped.wake();
    if (woken.status !== 200) expect(storedKey()).toBe(body.aiKey.key);
    await expectWhole(before.aiKey.keyId);
    await expectGone();
  });

  it("an onboarding takes nothing back of one that was answered since", async () => {
    // Before its first step it has not begun, and comes after the other.
    const stopped = await stopIn(step + 1, () => onboard(a, "slack:aaaa"));
    if (!stopped) return;
    const { body } = await insist(() => onboard(b, "slack:bbbb"));
    expect(body).toMatchObject({ completed: ["auth", "bindings", "model"] });
    await stopped.wake();
    const record = (await b.context.records.get("agents", "one"))!;
    expect(record).toMatchObject({ model: "model-bbbb", bindings: expect.arrayContaining(["slack:bbbb"]) });
    expect(read("agents", "one", "agent.json")).toMatchObject({ model: record.model, bindings: record.bindings });
    await expectWhole(before.aiKey.keyId);
    await expectGone();
  });
});
