import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, it } from "vitest";
import { answering, webhookReceiver } from "../webhook-receiver.ts";
import { ask } from "./target.ts";
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
