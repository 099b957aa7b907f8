import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { retryDelaysMs } from "../../../src/domain/delivery-schedule.ts";
import { listDeliveries } from "../../../src/service/alerts/deliveries.ts";
import { putAlert } from "../../../src/service/alerts/raise-alert.ts";
import { createAlertSender } from "../../../src/service/alerts/send-alerts.ts";
import { createWebhook, deleteWebhook, listWebhooks, updateWebhook } from "../../../src/service/alerts/webhooks.ts";
import { alertsStand, operator } from "../../alerts-stand.ts";
import { answering, webhookReceiver } from "../../webhook-receiver.ts";

let receiver: Awaited<ReturnType<typeof webhookReceiver>>;
let other: Awaited<ReturnType<typeof webhookReceiver>>;
let stand: Awaited<ReturnType<typeof alertsStand>>;
let id: string;

beforeEach(async () => {
  receiver = await webhookReceiver();
  other = await webhookReceiver();
  stand = await alertsStand([receiver.entry, other.entry]);
  ({ id } = await createWebhook(stand.context, operator, { url: receiver.url, events: ["agent.*"] }));
});
afterEach(async () => {
  await stand.close();
  await receiver.close();
  await other.close();
});

const created = (agentId = "a") =>
  putAlert(stand.context, { type: "agent.created", cause: [agentId], data: { agentId } });
const deliveries = async () => (await listDeliveries(stand.context, id, { limit: 100 })).deliveries;
const status = async (of = id) => (await listWebhooks(stand.context)).webhooks.find((one) => one.id === of)!;
const ids = () => new Set(receiver.received.map(({ headers }) => headers["webhook-id"]));
const withJitter = 1.21;

it("a receiver that is down for hours gets the alert when it is back, under one id", async () => {
  receiver.answer(answering(503));
  await created();
  await stand.send();
  for (const delay of retryDelaysMs.slice(0, 5)) {
    stand.pass(0.79 * delay);
    await stand.send();
    const before = receiver.received.length;
    stand.pass((withJitter - 0.79) * delay);
    await stand.send();
    expect(receiver.received.length).toBe(before + 1);
  }
  receiver.answer(answering(200));
  stand.pass(withJitter * retryDelaysMs[5]!);
  await stand.send();
  expect(receiver.received).toHaveLength(7);
  expect(ids().size).toBe(1);
  expect(await deliveries()).toMatchObject([{ state: "delivered", attempts: 7, status: 200 }]);
});

it("the last failure switches a webhook off, tells the others, and stands in the trail", async () => {
  const { id: second } = await createWebhook(stand.context, operator, { url: other.url, events: ["quota.raised"] });
  await receiver.close();
  await created();
  await stand.send();
  const begun = stand.clock.now();
  for (const delay of retryDelaysMs) {
    expect(await status()).toMatchObject({ status: "active" });
    stand.pass(withJitter * delay);
    await stand.send();
  }
  expect(stand.clock.now() - begun).toBeGreaterThan(75 * 3_600_000);
  expect(await status()).toMatchObject({ status: "disabled", disabledReason: "failing" });
  expect(await deliveries()).toMatchObject([{ state: "failed", attempts: 10, error: "connection" }]);
  await stand.send();
  expect(other.received.map(({ body }) => JSON.parse(body))).toMatchObject([
    {
      type: "webhook.disabled",
      data: { webhookId: id, host: receiver.entry, reason: "failed at the last of its retries" },
    },
  ]);
  const told = JSON.parse(other.received[0]!.body).data.remedy;
  expect(told).toContain(`webhooks enable ${id}`);
  expect(await stand.events("webhook.disable")).toMatchObject([
    { target: id, actor: "alerts", details: { reason: "failing" } },
  ]);
  expect(await status(second)).toMatchObject({ status: "active" });
  receiver = await webhookReceiver();
});

it("410 switches a webhook off at once", async () => {
  receiver.answer(answering(410));
  await created("a");
  await stand.send();
  expect(await status()).toMatchObject({ status: "disabled", disabledReason: "gone" });
  await created("b");
  await stand.send();
  expect(receiver.received).toHaveLength(1);
  expect(await updateWebhook(stand.context, operator, id, { disabled: false })).toMatchObject({ status: "active" });
});

it("a 410 of the address before is none of the one that it has now, which gets the alert", async () => {
  const asked = Promise.withResolvers<() => void>();
  receiver.answer((_, response) => asked.resolve(() => response.writeHead(410).end()));
  await created();
  const sending = stand.send();
  const answer = await asked.promise;
  await updateWebhook(stand.context, operator, id, { url: other.url });
  answer();
  await sending;
  expect(await status()).toMatchObject({ status: "active", url: other.url });
  expect(other.received).toHaveLength(1);
  expect(await deliveries()).toMatchObject([{ state: "delivered", attempts: 1 }]);
});

it("a webhook that is deleted while its last attempt is under way keeps no other alert waiting", async () => {
  const asked = Promise.withResolvers<() => void>();
  receiver.answer((_, response) => asked.resolve(() => response.writeHead(410).end()));
  await created();
  const sending = stand.send();
  const answer = await asked.promise;
  await deleteWebhook(stand.context, operator, id);
  answer();
  await sending;
  expect(stand.logs.filter(({ level }) => level === "error")).toEqual([]);
});

it("a redirect is a failure, and is not followed", async () => {
  receiver.answer(answering(302, { location: other.url }));
  await created();
  await stand.send();
  expect(other.received).toEqual([]);
  expect(await deliveries()).toMatchObject([{ state: "pending", attempts: 1, status: 302 }]);
});

it("waits for as long as the receiver asks, and asks it nothing else meanwhile", async () => {
  receiver.answer(answering(429, { "retry-after": "120" }));
  await created("a");
  await stand.send();
  receiver.answer(answering(200));
  await created("b");
  stand.pass(119_000);
  await stand.send();
  expect(receiver.received).toHaveLength(1);
  stand.pass(1_001);
  await stand.send();
  expect(receiver.received).toHaveLength(3);
});

it("a slow receiver keeps no other waiting", async () => {
  const { id: quick } = await createWebhook(stand.context, operator, { url: other.url, events: ["agent.*"] });
  const open: (() => void)[] = [];
  receiver.answer((_, response) => void open.push(() => response.writeHead(200).end()));
  for (let at = 0; at < 100; at++) await created(`a${at}`);
  const sending = stand.send();
  await expect.poll(() => other.received.length, { timeout: 10_000 }).toBe(100);
  expect(receiver.received.length).toBeLessThanOrEqual(47);
  receiver.answer(answering(200));
  for (const answer of open) answer();
  await sending;
  expect(receiver.received).toHaveLength(100);
  const sent = (await listDeliveries(stand.context, quick, { limit: 200 })).deliveries;
  expect(sent.every(({ state }) => state === "delivered")).toBe(true);
});

it("a receiver that does not answer within fifteen seconds has failed, and gets the alert when it does", async () => {
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  const shortened = vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => timeout(ms / 100));
  try {
    receiver.answer(() => undefined);
    await created();
    await stand.send();
    expect(shortened).toHaveBeenCalledWith(15_000);
    expect(await deliveries()).toMatchObject([{ state: "pending", attempts: 1, error: "timeout" }]);
  } finally {
    shortened.mockRestore();
  }
  receiver.answer(answering(204));
  stand.pass(retryDelaysMs[0]! * withJitter);
  await stand.send();
  expect(receiver.received).toHaveLength(2);
  expect(ids().size).toBe(1);
  expect(await deliveries()).toMatchObject([{ state: "delivered", attempts: 2 }]);
});

it("a process that stops leaves its attempts to another", async () => {
  receiver.answer(() => undefined);
  await created();
  const stop = new AbortController();
  const sending = createAlertSender(stand.context).run(stop.signal);
  await expect.poll(() => receiver.received.length).toBe(1);
  stop.abort();
  await sending;
  receiver.answer(answering(204));
  await stand.send();
  expect(receiver.received).toHaveLength(2);
  expect(ids().size).toBe(1);
  expect(await deliveries()).toMatchObject([{ state: "delivered", attempts: 1 }]);
});

it("a thousand at once arrive, each once", { timeout: 60_000 }, async () => {
  await Promise.all(Array.from({ length: 1_000 }, (_, at) => created(`agent-${at}`)));
  await Promise.all([stand.send(), createAlertSender(stand.context).run()]);
  expect(receiver.received).toHaveLength(1_000);
  expect(ids().size).toBe(1_000);
});

it("a run that may take so much leaves the rest to the next, and asks for the webhooks once an alert at most", async () => {
  for (let at = 0; at < 60; at++) await created(`a${at}`);
  let operations = 0;
  const counted = <T extends object>(port: T): T =>
    new Proxy(port, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          operations++;
          return value.apply(target, args);
        };
      },
    });
  const { context } = stand;
  const sender = createAlertSender(
    { ...context, records: counted(context.records), webhooks: counted(context.webhooks) },
    50,
  );
  let runs = 0;
  for (; (await context.outbox.nextDue()) !== undefined; runs++) {
    operations = 0;
    await sender.run();
    expect(operations).toBeLessThan(200);
  }
  expect(runs).toBe(3);
  expect(receiver.received).toHaveLength(60);
});

it("a webhook that is made while alerts are sent is told of those that come after it", async () => {
  receiver.answer(async (one, response) => {
    receiver.answer(answering(204));
    await createWebhook(stand.context, operator, { url: other.url, events: ["agent.*"] });
    await created("b");
    answering(204)(one, response);
  });
  await created("a");
  await stand.send();
  expect(other.received.map(({ body }) => JSON.parse(body).data.agentId)).toEqual(["b"]);
});
