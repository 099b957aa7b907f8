import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { openNode } from "../../../adapters/node/open-node.ts";
import { readEventStream, type ServerEvent } from "../../../src/client/event-stream.ts";
import { quotaDenial } from "../../../src/domain/quota-denial.ts";
import { Problem } from "../../../src/errors.ts";
import type { EventType } from "../../../src/schema/event.ts";
import { createAgent } from "../../../src/service/agents/create-agent.ts";
import { giveAiKey } from "../../../src/service/agents/give-ai-key.ts";
import { addAiProvider } from "../../../src/service/ai-keys/ai-providers.ts";
import { listDeliveries, resendDelivery } from "../../../src/service/alerts/deliveries.ts";
import { closeIncident, openIncident, readIncident } from "../../../src/service/alerts/incidents.ts";
import { createQuotaAlerts, createUnpricedAlerts } from "../../../src/service/alerts/quota-alerts.ts";
import { keepAlert, putAlert } from "../../../src/service/alerts/raise-alert.ts";
import { createAlertSender } from "../../../src/service/alerts/send-alerts.ts";
import { createWebhook, listWebhooks, updateWebhook } from "../../../src/service/alerts/webhooks.ts";
import { withAlerts } from "../../../src/service/alerts/with-alerts.ts";
import type { Context } from "../../../src/service/context.ts";
import { eventStream } from "../../../src/service/events/event-stream.ts";
import { examine } from "../../../src/service/maintenance/examine.ts";
import { expireAgents } from "../../../src/service/maintenance/expire-agents.ts";
import { resealSecrets } from "../../../src/service/maintenance/reseal-secrets.ts";
import { createProvisioningKey } from "../../../src/service/provisioning-keys/provisioning-keys.ts";
import { sealConfigSecret } from "../../../src/service/secrets/config-secret.ts";
import { aiProviderIncident, gatewayIncident, keyLedger } from "../../../src/storage/ledger-names.ts";
import { alertsStandOfTwo, operator } from "../../alerts-stand.ts";
import { answering } from "../../webhook-receiver.ts";

const day = 86_400_000;
type Stands = Awaited<ReturnType<typeof alertsStandOfTwo>>;
let receiver: Stands["receiver"];
let other: Stands["other"];
let stand: Stands["stand"];
let close: Stands["close"];

beforeEach(async () => {
  ({ receiver, other, stand, close } = await alertsStandOfTwo());
});
afterEach(() => close());

const typesAt = (at: typeof receiver) => at.received.map(({ body }) => JSON.parse(body).type);
const created = (agentId: string) =>
  putAlert(stand.context, { type: "agent.created", cause: [agentId], data: { agentId } });

async function streamed(
  lastEventId: string | undefined,
  types: EventType[] = ["alert"],
  ticks = 2,
): Promise<ServerEvent[]> {
  const context = { ...stand.context, eventTicks: { everyMs: 10, most: ticks } };
  const all: ServerEvent[] = [];
  const body = eventStream(context, { types, lastEventId, mayGoOn: async () => true });
  for await (const event of readEventStream(body)) all.push(event);
  return all;
}

it("who follows the events is not told that a key is unused which was used yesterday", async () => {
  await createProvisioningKey(stand.context, operator, { name: "CI", scopes: ["agents:create"] }).then(
    async ({ id }) => {
      stand.pass(89 * day);
      await stand.context.ledger.take(keyLedger(id).rate, { limit: 10, windowMs: 60_000 });
    },
  );
  stand.pass(2 * day);
  await stand.send();
  const alerts = (await streamed("0-0")).map(({ data }) => (data as { type: string }).type);
  expect(alerts).toEqual(["provisioning_key.created"]);
});

it("who follows the trail misses nothing of what is written after Redis lost its last second", async () => {
  const trail = Array.from({ length: 5 }, (_, at) => ({ seq: at + 1, action: `before.${at + 1}` }));
  // Two reads say where it begins.
  let reads = -2;
  const audit = {
    async read() {
      reads++;
      if (reads === 2) trail.splice(3);
      if (reads === 3) trail.push({ seq: 4, action: "after.4" });
      return { events: trail.toReversed() };
    },
  };
  const context = { ...stand.context, audit, eventTicks: { everyMs: 10, most: 6 } } as unknown as Context;
  const body = eventStream(context, { types: ["audit"], lastEventId: "4", mayGoOn: async () => true });
  const told: string[] = [];
  for await (const { data } of readEventStream(body)) told.push((data as { action: string }).action);
  expect(told).toEqual(["before.5", "after.4"]);
});

it("an alert that was foreseen has the time at which it came true", async () => {
  const expiresAt = new Date(stand.clock.now() + 30 * day).toISOString();
  await createWebhook(stand.context, operator, { url: receiver.url, events: ["*.expiring"] });
  await createProvisioningKey(stand.context, operator, { name: "CI", scopes: ["agents:create"], expiresAt });
  stand.pass(16 * day);
  await stand.send();
  expect(JSON.parse(receiver.received[0]!.body).timestamp).toBe(new Date(stand.clock.now()).toISOString());
});

it("an AI key that has expired meanwhile is not told to expire", async () => {
  await createWebhook(stand.context, operator, { url: receiver.url, events: ["*.expiring"] });
  const expiresAt = new Date(stand.clock.now() + 10 * day).toISOString();
  const createdAt = new Date(stand.clock.now()).toISOString();
  await stand.context.records.set("ai-keys", "k1", {
    keyId: "k1",
    agentId: "a",
    mode: "virtual",
    aiProviderId: "p",
    provider: "anthropic",
    createdAt,
    state: { status: "active", version: 1, digest: "d", quotas: {}, expiresAt },
  } as never);
  stand.pass(11 * day);
  await stand.send();
  expect(typesAt(receiver)).toEqual([]);
});

it("an end that comes near while nothing is sent is told of once, with the days that are left", async () => {
  const { context } = stand;
  await createWebhook(context, operator, { url: receiver.url, events: ["*.expiring"] });
  const expiresAt = new Date(stand.clock.now() + 20 * day).toISOString();
  await createProvisioningKey(context, operator, { name: "CI", scopes: ["agents:create"], expiresAt });
  const days = () => receiver.received.map(({ body }) => JSON.parse(body).data.days);
  stand.pass(17.5 * day);
  await stand.send();
  expect(days()).toEqual([3]);
  stand.pass(2 * day);
  await stand.send();
  expect(days()).toEqual([3, 1]);
});

it("a burst that meets 410 tells the others once that the webhook was switched off", async () => {
  await createWebhook(stand.context, operator, { url: receiver.url, events: ["agent.*"] });
  await createWebhook(stand.context, operator, { url: other.url, events: ["quota.raised"] });
  receiver.answer(answering(410));
  for (const id of ["a", "b", "c", "d"]) await created(id);
  await stand.send();
  expect(typesAt(other)).toEqual(["webhook.disabled"]);
});

it("a webhook that is switched off again by the delivery that was sent again is told of again", async () => {
  const { id } = await createWebhook(stand.context, operator, { url: receiver.url, events: ["agent.*"] });
  await createWebhook(stand.context, operator, { url: other.url, events: ["quota.raised"] });
  receiver.answer(answering(410));
  await created("a");
  await stand.send();
  expect(typesAt(other)).toEqual(["webhook.disabled"]);
  await updateWebhook(stand.context, operator, id, { disabled: false });
  const { deliveries } = await listDeliveries(stand.context, id, { limit: 10 });
  stand.pass(day);
  await resendDelivery(stand.context, operator, id, deliveries[0]!.messageId);
  await stand.send();
  expect((await listWebhooks(stand.context)).webhooks.find((one) => one.id === id)).toMatchObject({
    status: "disabled",
  });
  expect(typesAt(other)).toEqual(["webhook.disabled", "webhook.disabled"]);
});

it("an agent that may spend more since its key was moved is told of, and one that may not is not", async () => {
  const { context } = stand;
  const key = "sk-not-a-real-key-0000";
  await addAiProvider(context, operator, { provider: "anthropic", name: "a", key, verify: false });
  const provider = "anthropic";
  const autoProvisionAiKey = { provider, quotas: { maxUsdPerMonth: 20 } };
  const { agentId } = await createAgent(context, operator, { name: "moved", model: "m", autoProvisionAiKey });
  const move = (body: object) => giveAiKey(context, operator, agentId, { provider, ...body }, "move");
  await createWebhook(context, operator, { url: receiver.url, events: ["quota.raised"] });
  await move({});
  await move({ quotas: { maxUsdPerMonth: 5 } });
  await move({ quotas: { maxUsdPerMonth: 500 } });
  await stand.idle();
  await stand.send();
  expect(receiver.received.map(({ body }) => JSON.parse(body).data)).toMatchObject([
    { agentId, before: { maxUsdPerMonth: 5 }, after: { maxUsdPerMonth: 500 } },
  ]);
});

it("a webhook that left the settings does not keep the seal key from being rotated", async () => {
  const { webhooks } = stand.context.settings.provisioning;
  webhooks.endpoints = [{ url: receiver.url }];
  await listWebhooks(stand.context);
  webhooks.endpoints = [];
  const [old] = stand.context.sealKeys();
  const fresh = new Uint8Array(32).fill(9);
  const both = { ...stand.context, sealKeys: () => [fresh, old!] };
  await expect(resealSecrets(both, operator)).resolves.toMatchObject({ resealed: 0 });
});

it("a webhook of the settings that is no gateway's any more gets a signing secret of its own", async () => {
  const { webhooks } = stand.context.settings.provisioning;
  webhooks.endpoints = [{ url: receiver.url, format: "openclaw", secret: "hook-token-not-real", events: ["agent.*"] }];
  await listWebhooks(stand.context);
  webhooks.endpoints = [{ url: receiver.url, events: ["agent.*"] }];
  await created("a");
  await stand.send();
  expect(receiver.received.at(-1)?.headers["webhook-signature"]).toMatch(/^v1,/);
  expect(stand.logs.filter(({ level }) => level !== "info")).toEqual([]);
});

it("who saw later events than there are, as after a restore, sees those that come", async () => {
  const { context } = stand;
  await context.audit.append({ phase: "event", action: "x", actor: "cli" });
  const reading = streamed("5000-5000", ["audit", "alert"] as never, 40);
  await new Promise((resolve) => setTimeout(resolve, 150));
  await context.audit.append({ phase: "event", action: "y", actor: "cli" });
  await created("a");
  await stand.send();
  const seen = await reading;
  expect(seen.map(({ event }) => event)).toEqual(["audit", "alert"]);
});

it("an end that cannot be noted keeps no other from being noted", async () => {
  const { context } = stand;
  const expiresAt = new Date(stand.clock.now() + day).toISOString();
  for (const name of ["One", "Two"]) await createAgent(context, operator, { name, expiresAt } as never);
  await stand.idle();
  stand.pass(2 * day);
  const records = {
    ...context.records,
    get: (async (collection: never, id: string) => {
      if (collection === "agents" && id === "one") throw new Problem("store_unreadable");
      return await context.records.get(collection, id);
    }) as never,
  };
  await expireAgents({ ...context, records }, ["one", "two"]).catch(() => undefined);
  expect((await context.records.get("agents", "two"))?.endedAt).toBe(expiresAt);
});

it("a refusal of the last moment of a day is of that day, and keeps none of the next from being told", async () => {
  const key = { keyId: "k1", agentId: "a" };
  const refuse = createQuotaAlerts(stand.context);
  const midnight = Date.parse("2026-12-01T00:00:00Z");
  const denied = { name: "maxTokensPerDay", limit: 1_000, used: 1_000, reserved: 0, amount: 1 } as const;
  stand.clock.set(midnight + 5);
  refuse(key, { quota: denied.name, denial: quotaDenial(denied, midnight - 5) });
  stand.pass(12 * 3_600_000);
  refuse(key, { quota: denied.name, denial: quotaDenial(denied, stand.clock.now()) });
  await stand.idle();
  await stand.send();
  const { messages } = await stand.context.outbox.recent(0, 100);
  expect(messages.map(({ message }) => JSON.parse(message.data).resetAt)).toEqual([
    "2026-12-01T00:00:00.000Z",
    "2026-12-02T00:00:00.000Z",
  ]);
});

it("an exhausted quota whose alert could not be stored is told of with the next refusal", async () => {
  const key = { keyId: "k1", agentId: "a" };
  let isAway = true;
  const { outbox } = stand.context;
  const put: typeof outbox.put = async (message) => {
    if (isAway) throw new Problem("store_unwritable");
    return await outbox.put(message);
  };
  const context = { ...stand.context, outbox: { ...outbox, put } };
  const [refuse, unpriced] = [createQuotaAlerts(context), createUnpricedAlerts(context)];
  const denied = { name: "maxTokensPerMonth", limit: 1_000, used: 1_000, reserved: 0, amount: 1 } as const;
  for (let turn = 0; turn < 3; turn++) {
    refuse(key, { quota: denied.name, denial: quotaDenial(denied, stand.clock.now()) });
    unpriced(key, "anthropic", "m");
    await stand.idle();
    isAway = false;
  }
  await stand.send();
  const { messages } = await outbox.recent(0, 100);
  expect(messages.map(({ message }) => message.type).sort()).toEqual(["quota.exhausted", "spend.unpriced_model"]);
});

it("what is told once is told although the outbox was away with the trail at that moment, and kept for its return", async () => {
  const { outbox, audit } = stand.context;
  let isAway = true;
  const away = () => Promise.reject(new Problem("store_unwritable"));
  const context = withAlerts({
    ...stand.context,
    outbox: { ...outbox, put: (message) => (isAway ? away() : outbox.put(message)) },
    audit: {
      ...audit,
      append: (event) => (isAway ? Promise.reject(new Problem("audit_unwritable")) : audit.append(event)),
    },
  });
  const event = { phase: "outcome", outcome: "success", actor: "cli", target: "a" } as const;
  const append = (action: string) => context.audit.append({ ...event, action, operationId: action });
  await expect(append("agent.suspend")).rejects.toMatchObject({ code: "audit_unwritable" });
  isAway = false;
  await append("agent.resume");
  await stand.idle();
  await stand.send();
  const { messages } = await outbox.recent(0, 100);
  const types = ["ai_key.resumed", "ai_key.suspended", "audit.unwritable"];
  expect(messages.map(({ message }) => message.type).sort()).toEqual(types);
});

it("an incident whose end met a ledger that is away is closed when that is back, and the next one is told of", async () => {
  const { ledger } = stand.context;
  let isAway = true;
  const replace: typeof ledger.replace = async (...given) => {
    if (!isAway) return await ledger.replace(...given);
    isAway = false;
    throw new Problem("store_unwritable");
  };
  const name = gatewayIncident("eu");
  const begin = { type: "gateway.unreachable", data: { gateway: "eu" } } as const;
  const end = { type: "gateway.recovered", data: { gateway: "eu" } } as const;
  await openIncident(stand.context, name, begin);
  await closeIncident({ ...stand.context, ledger: { ...ledger, replace } }, name, end).catch(() => undefined);
  stand.pass(20_000);
  await openIncident(stand.context, name, begin);
  await closeIncident(stand.context, name, end);
  await stand.send();
  const { messages } = await stand.context.outbox.recent(0, 100);
  expect(messages.map(({ message }) => message.type).sort()).toEqual([end.type, end.type, begin.type, begin.type]);
});

it.each([
  ["before it is told of, is told of with the next look", "put", 1],
  ["before the incident is gone, is told of once", "replace", 2],
] as const)("the end of an incident whose process died %s, and the next incident too", async (_, step, call) => {
  const { ledger, outbox } = stand.context;
  let calls = 0;
  const dying =
    <A extends unknown[], R>(work: (...given: A) => Promise<R>) =>
    (...given: A): Promise<R> =>
      ++calls === call ? Promise.reject(new Error("killed")) : work(...given);
  const dies = {
    ...stand.context,
    ...(step === "put"
      ? { outbox: { ...outbox, put: dying(outbox.put) } }
      : { ledger: { ...ledger, replace: dying(ledger.replace) } }),
  };
  const name = gatewayIncident("eu");
  const begin = { type: "gateway.unreachable", data: { gateway: "eu" } } as const;
  const end = { type: "gateway.recovered", data: { gateway: "eu" } } as const;
  await openIncident(stand.context, name, begin);
  await expect(closeIncident(dies, name, end)).rejects.toThrow("killed");
  expect(await readIncident(stand.context, name)).toBeUndefined();
  await openIncident(stand.context, name, begin);
  expect(await readIncident(stand.context, name)).toBeDefined();
  await closeIncident(stand.context, name, end);
  await stand.send();
  const { messages } = await stand.context.outbox.recent(0, 100);
  expect(messages.map(({ message }) => message.type).sort()).toEqual([end.type, end.type, begin.type, begin.type]);
});

it("a process that ends does not wait for an outbox that is away", async () => {
  const env = { OPENCLAW_STATE_DIR: stand.stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
  const process = await openNode(readNodeSettings(env), { env, log: () => {} });
  const outbox = { ...process.ports.outbox, put: () => Promise.reject(new Problem("store_unwritable")) };
  await keepAlert({ ...process.ports, outbox }, { type: "audit.unwritable", cause: [1], data: {} });
  const begun = performance.now();
  await process.close();
  expect(performance.now() - begun).toBeLessThan(5_000);
});

it("an alert that was stored just before the event that was seen last comes after a reconnect", async () => {
  // The trail's own clock is the machine's.
  const context = { ...stand.context, clock: { now: Date.now } };
  await putAlert(context, { type: "agent.created", cause: ["op1"], data: { agentId: "a" } });
  await sleep(5);
  await context.audit.append({ phase: "event", action: "x", actor: "cli" });
  const seen = await streamed("0-0", ["audit", "alert"], 1);
  stand.pass(Date.now() - stand.clock.now());
  await stand.send();
  const missed = await streamed(seen.at(-1)!.id);
  expect(missed.map(({ data }) => (data as { type: string }).type)).toEqual(["agent.created"]);
});

it("a creation that recovery undid is told of as failed", async () => {
  await stand.context.audit.append({
    phase: "outcome",
    action: "agent.create",
    actor: "recovery",
    outcome: "failure",
    operationId: "op1",
    target: "a",
    details: { recovered: "undone" },
  });
  await stand.send();
  const { messages } = await stand.context.outbox.recent(0, 100);
  expect(messages.map(({ message }) => message.type)).toEqual(["agent.failed"]);
});

it("an incident that lasts over a week is told once", async () => {
  const { context } = stand;
  await createWebhook(context, operator, { url: receiver.url, events: ["provider.failing"] });
  for (let at = 0; at < 9; at++) {
    await openIncident(context, aiProviderIncident("p"), { type: "provider.failing", data: { aiProviderId: "p" } });
    await created(`agent-${at}`);
    await stand.send();
    stand.pass(day);
  }
  expect(typesAt(receiver)).toEqual(["provider.failing"]);
});

it("an instance that does not know a new webhook yet leaves its delivery to those who do", async () => {
  const { context } = stand;
  context.settings.provisioning.webhooks.endpoints = [{ url: receiver.url, events: ["agent.*"] }];
  const before = structuredClone(context.settings);
  before.provisioning.webhooks.endpoints = [];
  const old = createAlertSender({ ...context, settings: before });
  receiver.answer(answering(503));
  await created("a");
  await stand.send();
  expect(receiver.received).toHaveLength(1);
  receiver.answer(answering(204));
  stand.pass(10_000);
  await old.run();
  stand.pass(61_000);
  await stand.send();
  expect(receiver.received).toHaveLength(2);
});

it("a webhook of the settings whose secret does not open is a finding, and its alert waits", async () => {
  const { context } = stand;
  const { endpoints } = context.settings.provisioning.webhooks;
  const secret = await sealConfigSecret(context, `whsec_${Buffer.alloc(32, 5).toString("base64")}`);
  endpoints.push({ url: receiver.url, events: ["agent.*"], secret });
  receiver.answer(answering(503));
  await created("a");
  await stand.send();
  receiver.answer(answering(204));
  const without = { ...context, sealKeys: () => [new Uint8Array(32).fill(9)] };
  stand.pass(10_000);
  await createAlertSender(without).run();
  const { checks } = await examine(without, operator);
  const found = checks.find(({ name }) => name === "webhooks");
  stand.pass(3_600_000);
  await stand.send();
  expect([found?.status, receiver.received.length]).toEqual(["warning", 2]);
});
