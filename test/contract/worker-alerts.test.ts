import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, it } from "vitest";
import { meteredCall } from "../metered-agent.ts";
import { startSampleUpstream } from "../upstream/sample-upstream.ts";
import { answering, webhookReceiver } from "../webhook-receiver.ts";
import { ask, makeKey, makeLinkedKey } from "./target.ts";
import { type WorkerTarget, workerTarget } from "./worker-target.ts";

let receiver: Awaited<ReturnType<typeof webhookReceiver>>;
let target: WorkerTarget;

beforeAll(async () => {
  receiver = await webhookReceiver();
  const provisioning = { enabled: true, allowDelete: true, webhooks: { allow: [receiver.entry] } };
  target = await workerTarget({ config: { gateway: { provisioning }, logging: { level: "error" } } });
}, 120_000);
afterAll(async () => {
  await target?.close();
  await receiver?.close();
});

const call = (method: string, path: string, body?: unknown) =>
  ask(target, method, `/provisioning/webhooks${path}`, { key: target.adminToken, body });

it("delivers from the edge: at once what is tested, and by the alarm what is sent again", async () => {
  const { id, secret } = (await call("POST", "", { url: receiver.url, events: ["agent.*"] })).body;
  const tested = await call("POST", `/${id}/test`);
  expect(tested).toMatchObject({ status: 200, body: { delivered: true, status: 204 } });
  const { messageId } = tested.body;
  receiver.answer(answering(503));
  expect(await call("POST", `/${id}/test`)).toMatchObject({ body: { delivered: false, status: 503 } });
  receiver.answer(answering(200));
  const before = receiver.received.length;
  expect(await call("POST", `/${id}/deliveries/${messageId}/resend`)).toMatchObject({ status: 202 });
  await expect.poll(() => receiver.received.length, { timeout: 15_000 }).toBe(before + 1);
  const { headers, body } = receiver.received.at(-1)!;
  expect(headers["webhook-id"]).toBe(messageId);
  expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toMatchObject({ type: "webhook.test" });
  await expect
    .poll(async () =>
      (await call("GET", `/${id}/deliveries`)).body.deliveries.map((one: { state: string }) => one.state),
    )
    .toEqual(expect.arrayContaining(["delivered", "failed"]));
});

it("asks a receiver that asked for a pause nothing else meanwhile", async () => {
  const told = () => receiver.received.filter(({ path }) => path === "/hook/slow").length;
  const { id } = (await call("POST", "", { url: `${receiver.url}/slow`, events: ["agent.created"] })).body;
  const { key } = await makeKey(target);
  const make = async (name: string) =>
    expect((await ask(target, "POST", "/agents/create", { key, body: { name } })).status).toBe(201);
  receiver.answer(({ path }, response) => {
    response.writeHead(path === "/hook/slow" ? 429 : 204, { "retry-after": "6" }).end();
  });
  await make("first");
  await expect.poll(told, { timeout: 10_000 }).toBe(1);
  receiver.answer(answering(204));
  await make("second");
  await make("third");
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(told()).toBe(1);
  await expect.poll(told, { timeout: 15_000 }).toBe(4);
  await call("DELETE", `/${id}`);
}, 60_000);

it("tells of an agent that is made, that uses 80 % of its quota, and whose provider refuses the master key", async () => {
  const upstream = await startSampleUpstream();
  const own = await webhookReceiver();
  const post = (path: string, body: unknown, key = target.adminToken) => ask(target, "POST", path, { key, body });
  try {
    receiver.answer((received, response) => {
      own.received.push(received);
      response.writeHead(204).end();
    });
    await call("POST", "", { url: `${receiver.url}/all`, events: ["*"] });
    const { provider } = await makeLinkedKey(target);
    await post(`/provisioning/ai-providers/${provider.id}/revoke`, undefined);
    const sample = await post("/provisioning/ai-providers", {
      provider: "anthropic",
      name: `Sample ${crypto.randomUUID()}`,
      key: "sk-ant-not-a-real-key-0000",
      baseUrl: upstream.origin,
      verify: false,
    });
    expect(sample.status).toBe(201);
    const linked = await makeKey(target, { aiProviderKeyId: sample.body.id });
    const autoProvisionAiKey = { provider: "anthropic", quotas: { maxTokensPerMonth: 10_000 } };
    const made = await post("/agents/create", { name: "edge-agent", autoProvisionAiKey }, linked.key);
    expect(made.status).toBe(201);
    upstream.behave({ usage: { input: 8_480, output: 20 } });
    expect(await meteredCall(target.origin, made.body.aiKey.key)).toBe(200);
    upstream.behave({ status: 401 });
    expect(await meteredCall(target.origin, made.body.aiKey.key)).toBe(502);
    const told = () =>
      own.received
        .filter(({ path }) => path === "/hook/all")
        .map(({ body }) => JSON.parse(body) as { type: string; data: Record<string, unknown> });
    const types = () => told().map(({ type }) => type);
    const expected = ["agent.created", "quota.threshold_reached", "provider.failing", "provider.revoked"];
    await expect.poll(types, { timeout: 30_000 }).toEqual(expect.arrayContaining(expected));
    expect(told().find(({ type }) => type === "quota.threshold_reached")?.data).toMatchObject({
      agentId: "edge-agent",
      quota: "maxTokensPerMonth",
      percent: 80,
      limit: 10_000,
      used: 8_500,
      left: 1_500,
    });
    expect(types().filter((type) => type === "quota.threshold_reached")).toHaveLength(1);
  } finally {
    await own.close();
    await upstream.close();
  }
}, 60_000);
