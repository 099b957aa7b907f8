/**
 * `deploy/docker-compose.replicas.yml`: two gateways of the real OpenClaw, found by Docker's DNS, and a third that is
 * added while agents are made.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClient, type OperationView } from "../../../src/client/client.ts";
import { composeCommand, dockerMissing } from "../docker.ts";
import { openShell } from "../shell.ts";
import { buildGatewayImage, buildOpenClawImage } from "./images.ts";

const missing = dockerMissing();
if (missing) console.warn(`skipped: replicas of gateways in Docker (${missing})`);

const token = "replicas-gateway-token";
const adminToken = "replicas-admin-token";
const files = ["docker-compose.yml", "deploy/docker-compose.replicas.yml"];
// OpenClaw takes from 15 s to two minutes to start, as busy as the machine is.
const timeout = 600_000;

describe.skipIf(missing !== undefined)("gateways that are replicas", { timeout }, () => {
  const directory = mkdtempSync(join(tmpdir(), "openclaw-replicas-"));
  const { paste } = openShell(directory, {});
  const compose = composeCommand();
  const client = createClient({ url: "http://127.0.0.1:18789", token, provisioningKey: adminToken });
  const scale = (count: number) => paste(`${compose} up -d --no-build --no-recreate --scale openclaw-agents=${count}`);
  const replicas = async (): Promise<string[]> =>
    (await paste(`${compose} ps -q openclaw-agents`)).split("\n").filter((line) => line !== "");
  const upGateways = async (): Promise<string[]> => {
    const { gateways } = await client.gateways.list();
    return gateways.filter(({ reachable }) => reachable).map(({ id }) => id);
  };
  /** Asked of the gateway itself, past the control plane's memory. */
  const idsIn = async (container: string): Promise<string[]> => {
    const text = await paste(`docker exec ${container} cat /home/node/.openclaw/openclaw.json`);
    const { agents } = JSON.parse(text) as { agents?: { entries?: Record<string, unknown> } };
    return Object.keys(agents?.entries ?? {}).filter((id) => id !== "main");
  };

  beforeAll(async () => {
    await buildOpenClawImage();
    await buildGatewayImage();
    mkdirSync(join(directory, "deploy"));
    for (const file of files) cpSync(file, join(directory, file));
    const env = {
      COMPOSE_FILE: files.join(":"),
      OPENCLAW_PROVISIONING_ENABLED: "true",
      OPENCLAW_GATEWAY_TOKEN: token,
      OPENCLAW_ADMIN_TOKEN: adminToken,
    };
    writeFileSync(
      join(directory, ".env"),
      Object.entries(env)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(""),
    );
  });
  afterAll(async () => {
    await paste(`${compose} down --volumes --timeout 5`).catch(() => undefined);
    rmSync(directory, { recursive: true, force: true });
  });

  it("are found by their name; one that is added while agents are made is used, and none is lost or made twice", async () => {
    await scale(2);
    await expect
      .poll(async () => (await upGateways().catch(() => [])).length, { timeout: 240_000, interval: 1_000 })
      .toBe(2);
    const [first, containers] = await Promise.all([upGateways(), replicas()]);
    const account = { provider: "anthropic", name: "Master", key: "sk-ant-not-a-real-key-0000", verify: false };
    const { id } = await client.aiProviders.add(account);
    const { key } = await client.agentKeys.create({
      name: "Load",
      scopes: ["agents:create"],
      aiProviderKeyId: id,
      rateLimitPerMinute: 1_000,
    });
    const { agents } = createClient({ url: "http://127.0.0.1:18789", token, provisioningKey: key });

    const accepted: { name: string; operationId: string; gateway: string; at: number }[] = [];
    const endOf = async (operationId: string): Promise<OperationView> => {
      for (;;) {
        const operation = await client.operation(operationId);
        if (operation.status !== "running") return operation;
        await sleep(250);
      }
    };
    let ended = false;
    const makeAgents = async (maker: number) => {
      for (let at = 0; !ended; at++) {
        const body = { name: `agent-${maker}-${at}`, autoProvisionAiKey: { provider: "anthropic" } };
        const { operationId = "", gateway = "" } = await agents.create(body, { respondAsync: true });
        accepted.push({ name: body.name, operationId, gateway, at: Date.now() });
        await endOf(operationId);
      }
    };
    const load = Promise.all([0, 1, 2, 3].map(makeAgents));
    load.catch(() => undefined);
    await scale(3);
    const third = (await replicas()).find((id) => !containers.includes(id));
    const started = `docker logs ${third} 2>&1 | grep -q 'has agents for a control plane'`;
    await paste(`for i in $(seq 1500); do ${started} && exit 0; sleep 0.2; done; docker logs ${third}; exit 1`);
    const startedAt = Date.now();
    await expect
      .poll(() => accepted.find(({ gateway }) => !first.includes(gateway)), { timeout: 60_000, interval: 100 })
      .toBeDefined();
    const used = accepted.find(({ gateway }) => !first.includes(gateway))!;
    console.log(`the third gateway took an agent ${Math.round((used.at - startedAt) / 100) / 10} s after its start`);
    expect(used.at - startedAt).toBeLessThan(30_000);
    ended = true;
    await load;

    const made: typeof accepted = [];
    for (const one of accepted) {
      const { status, agent, problem } = await endOf(one.operationId);
      // A gateway that is held up for longer than a control plane waits fails a create, and takes it back.
      if (status === "succeeded") made.push({ ...one, gateway: agent!.gateway! });
      else console.log(`${one.name} failed: ${problem!.code}`);
    }
    const names = made.map(({ name }) => name).sort();
    const there = async () => await Promise.all((await replicas()).map(idsIn));
    await expect.poll(async () => (await there()).flat().sort(), { timeout: 120_000, interval: 1_000 }).toEqual(names);
    const counts = (await there()).map((ids) => ids.length);
    console.log(`${names.length} agents of ${accepted.length} accepted on three gateways: ${counts.join(", ")}`);
    expect(Math.min(...counts)).toBeGreaterThan(0);
    const listed: Record<string, string | undefined> = {};
    for await (const { agentId, gateway, managed } of client.agents.all()) if (managed) listed[agentId] = gateway;
    expect(listed).toEqual(Object.fromEntries(made.map(({ name, gateway }) => [name, gateway])));
  });
});
