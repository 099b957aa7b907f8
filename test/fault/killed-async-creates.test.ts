import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import type { Client } from "../../src/client/client.ts";
import type { AgentCreated } from "../../src/schema/create-agent.ts";
import type { OperationView } from "../../src/schema/operation.ts";
import { hasRedis, startRedis } from "../redis-server.ts";
import {
  adminClient,
  keyedClient,
  makeStateDir,
  type ServerProcess,
  startServerProcess,
  token,
} from "../server-process.ts";
import { type Fate, startGatewayShim } from "./gateway-shim.ts";

const autoProvisionAiKey = { provider: "anthropic" };
const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

async function stateDirOf(provisioning: Record<string, unknown> = {}): Promise<string> {
  const stateDir = await makeStateDir(provisioning);
  closing.push(() => rmSync(stateDir, { recursive: true, force: true }));
  return stateDir;
}

async function linkedClient(server: ServerProcess): Promise<Client> {
  const account = {
    provider: "anthropic",
    name: crypto.randomUUID(),
    key: "sk-ant-not-a-real-key-0000",
    verify: false,
  };
  const { id } = await adminClient(server.origin).aiProviders.add(account);
  return (await keyedClient(server.origin, { aiProviderKeyId: id })).client;
}

type IsTime = (accepted: readonly AgentCreated[], client: Client) => boolean | Promise<boolean>;

/** Early, while most are accepted alone, and late. */
const moments: IsTime[] = [
  () => true,
  (accepted) => accepted.length >= 60,
  async ({ 100: late }, client) =>
    late !== undefined && (await client.operation(late.operationId!)).status !== "running",
];

const mostRounds = 5 * moments.length;

/** Asks for all at once, and kills the process when it is time. @returns the creates that were accepted */
async function createAndKill(server: ServerProcess, names: string[], isTime: IsTime): Promise<AgentCreated[]> {
  const client = await linkedClient(server);
  const accepted: AgentCreated[] = [];
  const asked = names.map(async (name) => {
    const body = { name, bind: [`telegram:${name}`], autoProvisionAiKey };
    accepted.push(await client.agents.create(body, { respondAsync: true }));
  });
  await Promise.race(asked);
  while (!(await isTime(accepted, client))) await sleep(5);
  await server.kill();
  await Promise.allSettled(asked);
  return accepted;
}

async function endOf({ origin }: ServerProcess, { operationId }: AgentCreated): Promise<OperationView> {
  const look = () => adminClient(origin).operation(operationId!);
  await expect.poll(async () => (await look()).status, { timeout: 60_000, interval: 100 }).not.toBe("running");
  return await look();
}

/** The operations' word on each, and what is there of it. @returns the names of those that were undone */
async function compare(server: ServerProcess, accepted: AgentCreated[]): Promise<string[]> {
  const { client } = await keyedClient(server.origin);
  const undone: string[] = [];
  for (const one of accepted) {
    const { agentId } = one;
    const { status, problem, agent } = await endOf(server, one);
    if (status === "succeeded") {
      expect(agent).toMatchObject({ agentId, bindings: { added: [`telegram:${agentId}`] }, aiKey: autoProvisionAiKey });
      const { status, health } = await client.agents.get(agentId);
      expect([agentId, status, health.workspace, health.credentials]).toEqual([agentId, "ready", "ok", "ok"]);
      continue;
    }
    expect([agentId, status, problem?.code]).toEqual([agentId, "failed", "interrupted"]);
    await expect(client.agents.get(agentId)).rejects.toMatchObject({ code: "agent_not_found" });
    undone.push(agentId);
  }
  // Nothing of them is held: names, bindings, places.
  for (const name of undone.slice(0, 20)) await client.agents.create({ name, bind: [`telegram:${name}`] });
  expect(await adminClient(server.origin).audit.verify()).toMatchObject({ ok: true });
  return undone;
}

describe.each(["files", "Redis"] as const)("kill -9 amid creates that nobody waits for, in %s", (stores) => {
  it.runIf(stores === "files" || hasRedis)(
    "each that was accepted is finished or undone, and its operation says which",
    async () => {
      const redis = stores === "Redis" ? await startRedis() : undefined;
      if (redis) closing.push(redis.dispose);
      const env = redis && {
        OPENCLAW_PROVISIONING_STORAGE: redis.url,
        OPENCLAW_PROVISIONING_SEAL_KEY: Buffer.alloc(32, 1).toString("base64url"),
      };
      const stateDir = await stateDirOf();
      let server = await startServerProcess(stateDir, env);
      closing.push(() => server.kill());
      let [finished, undone] = [0, 0];
      // A kill may meet creates that all were finished: it is tried again until it has met some that were not.
      const isEnough = (round: number) => round >= moments.length && finished > 0 && undone > 0;
      for (let round = 0; round < mostRounds && !isEnough(round); round++) {
        const isTime = moments[round % moments.length]!;
        const names = Array.from({ length: 150 }, (_, at) => `agent-${round}-${at}`);
        const accepted = await createAndKill(server, names, isTime);
        server = await startServerProcess(stateDir, env);
        const gone = await compare(server, accepted);
        finished += accepted.length - gone.length;
        undone += gone.length;
        for (const name of gone.slice(20)) expect(existsSync(join(stateDir, `workspace-${name}`))).toBe(false);
      }
      console.log(`${stores}: ${finished} finished, ${undone} undone`);
      expect(finished).toBeGreaterThan(0);
      expect(undone).toBeGreaterThan(0);
      expect(await server.stop()).toBe(0);
    },
    240_000,
  );
});

describe("kill -9 of a control plane amid creates that nobody waits for", () => {
  it("each that was accepted is finished or undone, on the gateway too", async () => {
    const gateway = await startServerProcess(await stateDirOf());
    closing.push(() => gateway.kill());
    // Late enough that the next control plane has settled them by then.
    const shim = await startGatewayShim(gateway.origin, { lateMs: 10_000 });
    closing.push(() => shim.close());
    const { key } = await keyedClient(gateway.origin);
    const gateways = [{ id: "gw1", url: shim.origin, token, key }];
    const stateDir = await stateDirOf({ host: { kind: "remote", gateways, timeoutMs: 5_000 } });
    let plane = await startServerProcess(stateDir);
    closing.push(() => plane.kill());
    // Some are answered; others are made whole, and every answer is lost; others come too late.
    const fates = new Map<string, Fate>();
    shim.behave(({ path, idempotencyKey = "" }) => {
      if (!path.endsWith("/agents/create")) return "pass";
      const fate = fates.get(idempotencyKey) ?? (["pass", "lose", "late"] as const)[fates.size % 3]!;
      fates.set(idempotencyKey, fate);
      return fate;
    });
    const names = Array.from({ length: 60 }, (_, at) => `agent-${at}`);
    const accepted = await createAndKill(
      plane,
      names,
      ({ length }) => length === names.length && fates.size === names.length,
    );
    expect(accepted.length).toBe(names.length);
    const there = async (): Promise<Set<string>> => {
      const ids = new Set<string>();
      for await (const { agentId } of adminClient(gateway.origin).agents.all()) ids.add(agentId);
      return ids;
    };
    const thatFared = (fate: Fate) =>
      accepted.filter(({ operationId }) => fates.get(operationId!) === fate).map(({ agentId }) => agentId);
    const whole = thatFared("lose");
    expect(whole).toHaveLength(names.length / 3);
    await expect.poll(async () => [...(await there())], { timeout: 30_000 }).toEqual(expect.arrayContaining(whole));
    shim.behave(() => "pass");
    plane = await startServerProcess(stateDir);
    const undone = await compare(plane, accepted);
    console.log(`control plane: ${accepted.length - undone.length} finished, ${undone.length} undone`);
    expect(undone).toEqual(expect.arrayContaining(thatFared("late")));
    expect(undone.filter((name) => whole.includes(name))).toEqual([]);
    await shim.idle();
    const ids = await there();
    for (const { agentId } of accepted) {
      const isThere = !undone.includes(agentId) || undone.indexOf(agentId) < 20;
      expect([agentId, ids.has(agentId)]).toEqual([agentId, isThere]);
    }
  }, 120_000);
});
