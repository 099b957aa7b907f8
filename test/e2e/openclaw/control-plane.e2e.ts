/** A control plane in a process of its own, whose one gateway is the real OpenClaw. */
import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Client } from "../../../src/client/client.ts";
import {
  adminClient,
  keyedClient,
  makeStateDir,
  type ServerProcess,
  startServerProcess,
} from "../../server-process.ts";
import { masterKey, type ProvisionedGateway, provisionedGateway } from "./provisioned-gateway.ts";

const model = "claude-sonnet-3.5";
const autoProvisionAiKey = { provider: "anthropic" };

describe("a control plane over a real gateway", { timeout: 300_000 }, () => {
  let on: ProvisionedGateway;
  let plane: ServerProcess;
  let stateDir: string;
  let client: Client;

  beforeAll(async () => {
    on = await provisionedGateway();
    const { url, token } = on.gateway;
    stateDir = await makeStateDir({ host: { kind: "remote", gateways: [{ id: "gw1", url, token, key: on.key }] } });
    plane = await startServerProcess(stateDir);
    const account = { provider: "anthropic", name: "Master", key: masterKey, baseUrl: on.upstream.origin };
    const { id } = await adminClient(plane.origin).aiProviders.add({ ...account, verify: false });
    client = (await keyedClient(plane.origin, { aiProviderKeyId: id })).client;
  });
  afterAll(async () => {
    await plane?.stop();
    if (stateDir) rmSync(stateDir, { recursive: true, force: true });
    await on?.close();
  });

  const reloaded = (from: number) =>
    expect.poll(() => on.gateway.reloads(from), { timeout: 60_000, interval: 250 }).toBeGreaterThan(0);
  const answers = async (agentId: string) => {
    expect((await on.gateway.turn(agentId)).status).toBe(200);
    expect((await client.agents.usage(agentId)).total.requests).toBe(1);
  };

  it("makes an agent with its key by one reload, and the agent answers, metered", async () => {
    // The first one on a provider can make OpenClaw load a plugin.
    await client.agents.create({ name: "first", model, autoProvisionAiKey });
    await reloaded(0);
    await answers("first");
    const from = (await on.gateway.log()).length;
    const made = await client.agents.create({ name: "keyed", model, autoProvisionAiKey });
    expect(made).toMatchObject({ agentId: "keyed", gateway: "gw1", aiKey: { profileId: "anthropic:dedicated" } });
    await reloaded(from);
    await answers("keyed");
    expect(await on.gateway.reloads(from)).toBe(1);
  });

  it("makes all of those that it has accepted at once, and they share reloads", async () => {
    const names = Array.from({ length: 20 }, (_, at) => `accepted-${at}`);
    const from = (await on.gateway.log()).length;
    const accepted = await Promise.all(
      names.map((name) => client.agents.create({ name, model, autoProvisionAiKey }, { respondAsync: true })),
    );
    for (const { operationId } of accepted) {
      const status = async () => (await client.operation(operationId!)).status;
      await expect.poll(status, { timeout: 120_000, interval: 250 }).not.toBe("running");
      expect(await status()).toBe("succeeded");
    }
    // They are durable by now, and the gateway may still reload.
    const health = await Promise.all(names.map((name) => client.agents.get(name)));
    for (const { status } of health) expect(status).toMatch(/^(ready|starting)$/);
    // The reload that the last one came with may not be the first.
    const known = async () => (await on.gateway.turn(names.at(-1)!)).status;
    await expect.poll(known, { timeout: 60_000, interval: 250 }).toBe(200);
    expect((await client.agents.usage(names.at(-1)!)).total.requests).toBe(1);
    expect(await on.gateway.reloads(from)).toBeLessThanOrEqual(3);
  });
});
