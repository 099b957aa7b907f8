import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import { type App, createApp } from "../../../src/app.ts";
import { periodOf } from "../../../src/domain/quota.ts";
import { parseToken } from "../../../src/domain/token.ts";
import { keyStatus } from "../../../src/proxy/verify-key.ts";
import { indexEntry } from "../../../src/service/agent-index/index-entry.ts";
import { recoverOperations } from "../../../src/service/operations/recover.ts";
import { currentAiKey } from "../../../src/service/state/ai-key-state.ts";
import type { Ports } from "../../../src/storage/keyspace.ts";
import { aiKeyLedger } from "../../../src/storage/ledger-names.ts";
import { keptOfAgent, makeAgentByHand } from "../../agent-by-hand.ts";
import { callAsOperator } from "../../call-as-operator.ts";

const now = Date.parse("2026-11-22T18:00:00.000Z");
const env = (stateDir: string) => ({ OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" });
/** Calls that change something: before each of them the process may be killed. */
const changing = new Set([
  ...["adopt", "release", "setCredential", "dropCredential", "create", "update"],
  ...["set", "replace", "remove", "append", "put", "reserve", "settle", "claim", "renew", "forget"],
]);
const mostSteps = 80;

let stateDir: string;
let node: NodePorts;
let app: App;

interface Life {
  /** The number of the change that is not made any more; nothing that the process does afterwards has an effect. */
  fatal: number;
  /** Whether all that runs beside that change, and comes of it, is done before the process is dead. */
  isLast: boolean;
}
const immortal: Life = { fatal: Number.POSITIVE_INFINITY, isLast: false };

let lives = 0;

/** Ends with the process: one that is dead does nothing more, also in the next life. */
function mortality({ fatal, isLast }: Life) {
  let changes = 0;
  let dead = false;
  const running = new Set<Promise<unknown>>();

  async function othersEnd(): Promise<void> {
    for (let idle = 0; idle < 3; idle++) {
      await nextTurn();
      if (running.size === 0) continue;
      await Promise.allSettled(running);
      idle = -1;
    }
  }

  async function dying(work: () => unknown, isFatal: boolean): Promise<unknown> {
    if (isFatal && isLast) await othersEnd();
    if (isFatal) dead = true;
    if (dead) throw new Error("the process is dead");
    const done = Promise.resolve(work());
    running.add(done);
    return await done.finally(() => running.delete(done));
  }

  return <T extends object>(port: T): T =>
    new Proxy(port, {
      get(of, name) {
        const value = Reflect.get(of, name);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) =>
          dying(() => value.apply(of, args), changing.has(String(name)) && ++changes === fatal);
      },
    });
}

async function start(life: Life): Promise<void> {
  const settings = readNodeSettings(env(stateDir));
  node = await openNode(settings, { env: env(stateDir), log: () => undefined });
  const mortal = mortality(life);
  const { ports } = node;
  const mortals = { host: mortal(ports.host), records: mortal(ports.records), ledger: mortal(ports.ledger) };
  const id = `life-${++lives}`;
  const instance = { id, isGone: (owner: string) => !owner.startsWith(`${id}.`) };
  const alive = { ...ports, ...mortals, audit: mortal(ports.audit), clock: { now: () => now }, instance } as Ports;
  app = createApp(alive, settings.settings);
}

async function restart(life: Life = immortal): Promise<void> {
  await node.close();
  await start(life);
}

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openclaw-steps-"));
  await start(immortal);
  for (const provider of ["anthropic", "openai"]) {
    const body = { provider, name: provider, key: "sk-not-a-real-key-0000", verify: false };
    expect((await call("POST", "/provisioning/ai-providers", body)).status).toBe(201);
  }
});
afterEach(async () => {
  await node.close();
  await rm(stateDir, { recursive: true, force: true });
});

const call = (method: string, path: string, body?: object) => callAsOperator(app, method, path, body);
const autoProvisionAiKey = { provider: "anthropic", quotas: { maxRequestsPerDay: 100 } };
const kept = () => keptOfAgent(stateDir, "theirs");

interface StoredProfiles {
  profiles: Record<string, { key: string }>;
  order?: Record<string, string[]>;
}
/** The key that the agent would call this provider with, as its own store says. */
async function heldKey(agentId: string, provider: string): Promise<string | undefined> {
  const store = (await keptOfAgent(stateDir, agentId))["agent/auth-profiles.json"] as StoredProfiles | undefined;
  const id = store?.order?.[provider]?.[0];
  return id === undefined ? undefined : store!.profiles[id]?.key;
}
/** Whether the meter takes it. */
async function works(key: string | undefined): Promise<boolean> {
  const keyId = key === undefined ? undefined : parseToken(key, "ocv")?.keyId;
  const record = keyId === undefined ? undefined : await currentAiKey(app.context, keyId);
  return record !== undefined && keyStatus(record.state, await app.context.crypto.sha256(key!), now) === "valid";
}
const keysOnRecord = async (agentId: string) =>
  (await node.ports.records.list("ai-keys")).items
    // Former ones stay for their use.
    .filter((key) => key.agentId === agentId && key.state.status !== "revoked")
    .map(({ keyId }) => keyId);

/** Agents as a search has them, and as their records say. */
const found = async () => new Map((await app.context.agentIndex.entries()).map((entry) => [entry.agentId, entry]));
const onRecord = async () => {
  const entries = (await node.ports.records.list("agents")).items.map(indexEntry);
  return new Map(entries.map((entry) => [entry.agentId, entry]));
};

/** Kills it before each change in turn, until the work comes to its end. */
async function atEachStep(
  prepare: () => Promise<void>,
  work: () => Promise<{ status: number }>,
  check: () => Promise<string>,
  isLast = false,
) {
  const seen = new Set<string>();
  let steps = 0;
  for (; steps < mostSteps; steps++) {
    await restart();
    await prepare();
    await restart({ fatal: steps + 1, isLast });
    const { status } = await work().catch(() => ({ status: 0 }));
    await restart();
    await recoverOperations(app.context);
    expect(await recoverOperations(app.context), `step ${steps}`).toEqual([]);
    expect(await found(), `step ${steps}`).toEqual(await onRecord());
    seen.add(await check());
    const { body } = await call("GET", "/provisioning/audit/verify");
    expect(body.ok, `step ${steps}`).toBe(true);
    if (status === 200 || status === 201) break;
  }
  expect(steps).toBeGreaterThan(5);
  expect(steps).toBeLessThan(mostSteps);
  return [...seen].sort();
}

describe("a process that dies before each change in turn", { timeout: 300_000 }, () => {
  it("adopts an agent, or leaves it as it was", async () => {
    await makeAgentByHand(stateDir, "theirs");
    const before = await kept();
    const ends = await atEachStep(
      async () => {
        if ((await call("GET", "/agents/theirs")).body.managed)
          expect((await call("POST", "/agents/theirs/release")).status).toBe(200);
        expect(await kept()).toEqual(before);
      },
      () => call("POST", "/agents/theirs/adopt", { autoProvisionAiKey }),
      async () => {
        const { body } = await call("GET", "/agents/theirs");
        if (!body.managed) {
          expect(await kept()).toEqual(before);
          expect(await keysOnRecord("theirs")).toEqual([]);
          return "undone";
        }
        expect(body).toMatchObject({ adopted: true, status: "ready" });
        expect(await works(await heldKey("theirs", "anthropic"))).toBe(true);
        expect(await keysOnRecord("theirs")).toEqual([body.aiKeyId]);
        return "finished";
      },
    );
    expect(ends).toEqual(["finished", "undone"]);
  });

  it("releases an agent to its end, or not at all", async () => {
    await makeAgentByHand(stateDir, "theirs");
    const before = await kept();
    const ends = await atEachStep(
      async () => {
        if (!(await call("GET", "/agents/theirs")).body.managed)
          expect((await call("POST", "/agents/theirs/adopt", { autoProvisionAiKey })).status).toBe(200);
      },
      () => call("POST", "/agents/theirs/release"),
      async () => {
        const { body } = await call("GET", "/agents/theirs");
        if (!body.managed) {
          expect(await kept()).toEqual(before);
          expect(await keysOnRecord("theirs")).toEqual([]);
          return "finished";
        }
        expect(body.status).toBe("ready");
        expect(await works(await heldKey("theirs", "anthropic"))).toBe(true);
        return "as before";
      },
    );
    expect(ends).toEqual(["as before", "finished"]);
  });

  it.each([
    ["at once", false],
    ["when all that runs beside it is done", true],
  ])("creates an agent, or leaves nothing of it: %s", async (_, isLast) => {
    const body = { name: "ours", bind: ["telegram:ours"], autoProvisionAiKey };
    const ends = await atEachStep(
      async () => void (await remove()),
      () => call("POST", "/agents/create", body),
      async () => {
        const { status, body } = await call("GET", "/agents/ours");
        if (status === 404) {
          expect(await keysOnRecord("ours")).toEqual([]);
          const left = ["agents/ours", "workspace-ours"].filter((path) => existsSync(join(stateDir, path)));
          expect(left).toEqual([]);
          // Its binding is free, and so is its name.
          await create("other", { bind: ["telegram:ours"] });
          await call("DELETE", "/agents/other", { deleteWorkspace: true, deleteSessions: true });
          return "undone";
        }
        expect(body).toMatchObject({ status: "ready", bindings: ["telegram:ours"] });
        expect(await works(await heldKey("ours", "anthropic"))).toBe(true);
        expect(await keysOnRecord("ours")).toEqual([body.aiKeyId]);
        expect(await app.context.ledger.get(aiKeyLedger(body.aiKeyId).state)).toBeDefined();
        return "finished";
      },
      isLast,
    );
    expect(ends).toEqual(["finished", "undone"]);
  });

  const create = async (name: string, more: object) =>
    expect((await call("POST", "/agents/create", { name, model: "m", ...more })).status).toBe(201);
  const remove = () => call("DELETE", "/agents/ours", { deleteWorkspace: true, deleteSessions: true });
  const used = async (keyId: string) => {
    const { used, reserved } = await app.context.ledger.used(aiKeyLedger(keyId).requests, periodOf("day", now));
    return [used, reserved];
  };

  it("moves a key to another provider with its use, or keeps the one that there was: one key works, the agent's", async () => {
    const ends = await atEachStep(
      async () => {
        await remove();
        await create("ours", { autoProvisionAiKey });
        const { aiKeyId } = (await call("GET", "/agents/ours")).body;
        const { requests, reservation } = aiKeyLedger(aiKeyId);
        const entry = { counter: requests, period: periodOf("day", now), limit: null, amount: 41 };
        await app.context.ledger.reserve(reservation("x"), [entry]);
        await app.context.ledger.settle(reservation("x"), "reserved");
      },
      () => call("PUT", "/agents/ours/ai-key", { provider: "openai", model: "gpt-5.1" }),
      async () => {
        const { body } = await call("GET", "/agents/ours");
        expect(body.status).toBe("ready");
        const keys = { anthropic: await heldKey("ours", "anthropic"), openai: await heldKey("ours", "openai") };
        const { provider } = body.health.aiKey;
        expect([await works(keys.anthropic), await works(keys.openai)]).toEqual([
          provider === "anthropic",
          provider === "openai",
        ]);
        expect(await keysOnRecord("ours")).toEqual([body.aiKeyId]);
        expect(await used(body.aiKeyId)).toEqual([41, 0]);
        expect(body.model).toBe(provider === "openai" ? "gpt-5.1" : "m");
        return provider;
      },
    );
    expect(ends).toEqual(["anthropic", "openai"]);
  });

  /** The agent's one key works, or it has none. */
  async function keyOrNone(): Promise<string> {
    const { body } = await call("GET", "/agents/ours");
    const held = await heldKey("ours", "anthropic");
    expect([await works(held), body.status]).toEqual(body.aiKeyId ? [true, "ready"] : [false, "needs_auth"]);
    expect(await keysOnRecord("ours")).toEqual(body.aiKeyId ? [body.aiKeyId] : []);
    return body.status;
  }

  it("adds a key, or leaves none", async () => {
    const ends = await atEachStep(
      async () => {
        await remove();
        await create("ours", {});
      },
      () => call("POST", "/agents/ours/ai-key", autoProvisionAiKey),
      keyOrNone,
    );
    expect(ends).toEqual(["needs_auth", "ready"]);
  });

  it("takes a key away to the end, or not at all", async () => {
    const ends = await atEachStep(
      async () => {
        await remove();
        await create("ours", { autoProvisionAiKey });
      },
      () => call("DELETE", "/agents/ours/ai-key"),
      keyOrNone,
    );
    expect(ends).toEqual(["needs_auth", "ready"]);
  });

  const later = "2026-12-01T00:00:00.000Z";
  /** How the meter holds the agent, beside how its record says that it does. */
  async function meterAndRecord() {
    const record = (await app.context.records.get("agents", "ours"))!;
    const { state } = (await currentAiKey(app.context, record.aiKeyId!))!;
    return {
      meter: { expiresAt: state.suspendsAt, suspended: state.status === "suspended" },
      record: { expiresAt: record.expiresAt, suspended: record.suspended },
    };
  }
  async function asTheMeterHasIt(): Promise<string> {
    const { meter, record } = await meterAndRecord();
    expect(record).toEqual(meter);
    return JSON.stringify(record);
  }

  it("gives an agent an end that its key has too, or none", async () => {
    const ends = await atEachStep(
      async () => {
        await remove();
        await create("ours", { autoProvisionAiKey });
      },
      () => call("PATCH", "/agents/ours", { expiresAt: later }),
      asTheMeterHasIt,
    );
    expect(ends).toHaveLength(2);
  });

  it("suspends an agent with its key, or neither", async () => {
    const ends = await atEachStep(
      async () => {
        await remove();
        await create("ours", { autoProvisionAiKey });
      },
      () => call("POST", "/agents/ours/suspend"),
      asTheMeterHasIt,
    );
    expect(ends).toHaveLength(2);
  });

  it("resumes an agent with its key, or neither", async () => {
    const ends = await atEachStep(
      async () => {
        await remove();
        await create("ours", { autoProvisionAiKey });
        await call("POST", "/agents/ours/suspend");
      },
      () => call("POST", "/agents/ours/resume"),
      asTheMeterHasIt,
    );
    expect(ends).toHaveLength(2);
  });
});
