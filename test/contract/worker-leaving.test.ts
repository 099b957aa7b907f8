import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, contractConfig, makeLinkedKey } from "./target.ts";
import { type WorkerTarget, workerTarget } from "./worker-target.ts";

const entryPoint = fileURLToPath(new URL("../workers/slow-worker.ts", import.meta.url));

describe("a client that leaves a Worker before it is answered", () => {
  let target: WorkerTarget;
  let key: string;
  let sent = 0;
  beforeAll(async () => {
    const provisioning = { ...contractConfig.gateway.provisioning, proxy: { maxConcurrentPerKey: 2 } };
    const outboundService = () => {
      sent++;
      return Response.json({ type: "message", content: [], usage: { input_tokens: 10, output_tokens: 5 } });
    };
    target = await workerTarget({
      entryPoint,
      config: { ...contractConfig, gateway: { provisioning } },
      miniflare: { outboundService, serviceBindings: { SELF: "openclaw-provisioning" } } as never,
    });
    ({ key } = await makeLinkedKey(target));
  }, 120_000);
  afterAll(() => target?.close());

  const call = (aiKey: string, headers: Record<string, string> = {}) =>
    target.fetch(`${target.origin}/proxy/anthropic/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": aiKey, "content-type": "application/json", ...headers },
      body: JSON.stringify({ model: "m", max_tokens: 16, messages: [{ role: "user", content: "Hi" }] }),
    });

  it("leaves nothing reserved, and its place to others", async () => {
    const made = await ask(target, "POST", "/agents/create", {
      key,
      body: { name: "leaves", autoProvisionAiKey: { provider: "anthropic", quotas: { maxTokensPerMonth: 1000 } } },
    });
    const aiKey = made.body.aiKey.key;
    expect((await call(aiKey)).status).toBe(200);
    const left = await Promise.all([1, 2].map(() => call(aiKey, { "x-leaves-after-ms": "500" })));
    expect(left.map(({ status }) => status)).toEqual([499, 499]);
    const quota = async () => (await ask(target, "GET", "/agents/leaves")).body.health.aiKey.quotas.maxTokensPerMonth;
    await expect.poll(quota, { timeout: 5_000 }).toMatchObject({ used: 15, reserved: 0 });
    expect(sent).toBe(1);
    expect((await call(aiKey)).status).toBe(200);
  }, 30_000);

  it("has its change made whole", async () => {
    const { status } = await ask(target, "POST", "/agents/create", {
      key,
      body: { name: "whole" },
      headers: { "x-leaves-after-ms": "500" },
    });
    expect(status).toBe(499);
    const outcomes = async () => {
      const query = "action=agent.create&target=whole&phase=outcome";
      const { body } = await ask(target, "GET", `/provisioning/audit?${query}`, { key: target.adminToken });
      return body.events.map(({ outcome }: { outcome: string }) => outcome);
    };
    await expect.poll(outcomes, { timeout: 5_000 }).toEqual(["success"]);
  }, 30_000);
});
