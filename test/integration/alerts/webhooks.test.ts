import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, expect, it } from "vitest";
import { defaultEvents } from "../../../src/domain/alert-types.ts";
import { CreateWebhook } from "../../../src/schema/webhook.ts";
import { addAiProvider } from "../../../src/service/ai-keys/ai-providers.ts";
import { listDeliveries, resendDelivery, testWebhook } from "../../../src/service/alerts/deliveries.ts";
import { closeIncident, openIncident } from "../../../src/service/alerts/incidents.ts";
import { putAlert } from "../../../src/service/alerts/raise-alert.ts";
import {
  createWebhook,
  deleteWebhook,
  listWebhooks,
  rotateWebhookSecret,
  updateWebhook,
} from "../../../src/service/alerts/webhooks.ts";
import { resealSecrets } from "../../../src/service/maintenance/reseal-secrets.ts";
import { findUnopenableSecrets } from "../../../src/service/secrets/unopenable-secrets.ts";
import { gatewayIncident } from "../../../src/storage/ledger-names.ts";
import { alertsStandOfTwo, operator } from "../../alerts-stand.ts";
import { answering } from "../../webhook-receiver.ts";

type Stands = Awaited<ReturnType<typeof alertsStandOfTwo>>;
let receiver: Stands["receiver"];
let other: Stands["other"];
let stand: Stands["stand"];
let close: Stands["close"];

beforeEach(async () => {
  ({ receiver, other, stand, close } = await alertsStandOfTwo());
});
afterEach(() => close());

const create = (body: Partial<Parameters<typeof createWebhook>[2]> = {}) =>
  createWebhook(stand.context, operator, { url: receiver.url, ...body });
const exhausted = (agentId = "support-eu") =>
  putAlert(stand.context, {
    type: "quota.exhausted",
    cause: ["key1", agentId],
    data: { agentId, keyId: "key1", quota: "maxTokensPerMonth", limit: 20_000, left: 12 },
  });
/** By the clock of the machine, which the official verifier goes by. */
const asOfNow = () => stand.clock.set(Date.now());

it("shows a secret once, stores it sealed, and signs so that the official library verifies", async () => {
  asOfNow();
  const { id, secret, ...created } = await create({ events: ["quota.*"] });
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(created).toMatchObject({ url: receiver.url, format: "standard", source: "api", status: "active" });
  const { webhooks } = await listWebhooks(stand.context);
  expect(webhooks).toEqual([{ id, ...created }]);
  const stored = readFileSync(join(stand.stateDir, "provisioning", "webhooks.json"), "utf8");
  expect(stored).not.toContain(secret!.slice(6));

  await exhausted();
  await stand.send();
  const [{ headers, body }] = receiver.received as [(typeof receiver.received)[0]];
  expect(headers["content-type"]).toBe("application/json");
  expect(headers["user-agent"]).toMatch(/^openclaw-provisioning\/\d/);
  expect(headers["webhook-id"]).toMatch(/^msg_[A-Z2-7]{26}$/);
  const verified = new Webhook(secret!).verify(body, headers as Record<string, string>);
  expect(verified).toEqual({
    type: "quota.exhausted",
    timestamp: new Date(stand.clock.now()).toISOString(),
    data: {
      deployment: stand.context.settings.provisioning.publicUrl,
      agentId: "support-eu",
      keyId: "key1",
      quota: "maxTokensPerMonth",
      limit: 20_000,
      left: 12,
      console: `${stand.context.settings.provisioning.publicUrl}/console/#/agents/support-eu`,
    },
  });
  expect(() =>
    new Webhook(secret!).verify(body.replace("20000", "20001"), headers as Record<string, string>),
  ).toThrow();
  const trail = JSON.stringify(await stand.events("webhook.create"));
  expect(trail).not.toContain("/hook");
  expect(trail).not.toContain(secret);
});

it("signs with both secrets of a rotation while the grace lasts, and with the new one alone after it", async () => {
  asOfNow();
  const { id, secret } = await create();
  const rotated = await rotateWebhookSecret(stand.context, operator, id, { graceSeconds: 3_600 });
  expect(rotated.secret).not.toBe(secret);
  expect(rotated.previousSecretUntil).toBe(new Date(stand.clock.now() + 3_600_000).toISOString());
  await testWebhook(stand.context, operator, id);
  const verify = (key: string) => {
    const { headers, body } = receiver.received.at(-1)!;
    return new Webhook(key).verify(body, headers as Record<string, string>);
  };
  expect(verify(secret!)).toMatchObject({ type: "webhook.test" });
  expect(verify(rotated.secret!)).toMatchObject({ type: "webhook.test" });
  const last = await rotateWebhookSecret(stand.context, operator, id, { graceSeconds: 0 });
  await testWebhook(stand.context, operator, id);
  expect(() => verify(rotated.secret!)).toThrow();
  expect(verify(last.secret!)).toMatchObject({ type: "webhook.test" });
});

it("still signs after the seal key was rotated, and with it gone the old one opens nothing", async () => {
  asOfNow();
  const { id, secret } = await create();
  const [old] = stand.context.sealKeys();
  const fresh = new Uint8Array(32).fill(9);
  const both = { ...stand.context, sealKeys: () => [fresh, old!] };
  expect(await resealSecrets(both, operator)).toMatchObject({ resealed: 1 });
  const onlyNew = { ...stand.context, sealKeys: () => [fresh] };
  await testWebhook(onlyNew, operator, id);
  const { headers, body } = receiver.received.at(-1)!;
  expect(new Webhook(secret!).verify(body, headers as Record<string, string>)).toBeDefined();
});

it("writes no webhook anew that is under the newest seal key already", async () => {
  await create();
  const [old] = stand.context.sealKeys();
  const written: string[] = [];
  const replace: typeof stand.context.records.replace = async (collection, id, ...rest) => {
    written.push(id);
    return await stand.context.records.replace(collection, id, ...rest);
  };
  const records = { ...stand.context.records, replace };
  expect(await resealSecrets({ ...stand.context, records }, operator)).toMatchObject({ resealed: 0 });
  expect(written).toEqual([]);
  const sealKeys = () => [new Uint8Array(32).fill(9), old!];
  expect(await resealSecrets({ ...stand.context, records, sealKeys }, operator)).toMatchObject({ resealed: 1 });
  expect(written).toHaveLength(1);
});

it("signs with a rotated secret though no seal key opens the one before it any more", async () => {
  asOfNow();
  const { id } = await create();
  const fresh = new Uint8Array(32).fill(7);
  const onlyNew = { ...stand.context, sealKeys: () => [fresh] };
  const { secret } = await rotateWebhookSecret(onlyNew, operator, id, {});
  const tested = await testWebhook(onlyNew, operator, id);
  expect(tested).toMatchObject({ delivered: true });
  const { headers, body } = receiver.received.at(-1)!;
  expect(new Webhook(secret!).verify(body, headers as Record<string, string>)).toBeDefined();
  const both = { ...stand.context, sealKeys: () => [new Uint8Array(32).fill(8), fresh] };
  await expect(resealSecrets(both, operator)).resolves.toMatchObject({ resealed: 1 });
});

it("opens what is stored while the seal key is rotated", async () => {
  const [old] = stand.context.sealKeys();
  const fresh = new Uint8Array(32).fill(7);
  let keys = [old!];
  const context = { ...stand.context, sealKeys: () => keys };
  /** The whole of a rotation, between a change's first word in the trail and what it does. */
  const audit = {
    ...context.audit,
    async append(event: Parameters<typeof context.audit.append>[0]) {
      await context.audit.append(event);
      if (keys.length > 1 || event.phase !== "intent") return;
      keys = [fresh, ...keys];
      await resealSecrets(context, operator);
      keys = [fresh];
    },
  };
  const meanwhile = async <T>(change: (context: typeof stand.context) => Promise<T>): Promise<T> => {
    keys = [old!];
    return await change({ ...context, audit });
  };
  const provider = {
    provider: "custom",
    slug: "local",
    name: "L",
    key: "key-not-real",
    baseUrl: "http://127.0.0.1:1/v1",
  };
  await meanwhile((within) => addAiProvider(within, operator, { ...provider, verify: false }));
  expect(await findUnopenableSecrets(context)).toEqual([]);
  const { id } = await meanwhile((within) => createWebhook(within, operator, { url: receiver.url }));
  expect(await testWebhook(context, operator, id)).toMatchObject({ delivered: true });
  await meanwhile((within) => rotateWebhookSecret(within, operator, id, { graceSeconds: 0 }));
  expect(await testWebhook(context, operator, id)).toMatchObject({ delivered: true });
});

it("opens what is sealed before a rotation of the seal key and stored after it", async () => {
  const [old] = stand.context.sealKeys();
  const fresh = new Uint8Array(32).fill(7);
  let keys = [old!];
  const context = { ...stand.context, sealKeys: () => keys };
  const records = {
    ...context.records,
    async set(...given: Parameters<typeof context.records.set>) {
      if (keys[0] === old) {
        keys = [fresh, old!];
        await resealSecrets(context, operator);
        keys = [fresh];
      }
      await context.records.set(...given);
    },
  };
  const custom = { provider: "custom", slug: "local", name: "L", baseUrl: "http://127.0.0.1:1/v1" } as const;
  await addAiProvider({ ...context, records }, operator, { ...custom, key: "key-not-real", verify: false });
  expect(await findUnopenableSecrets(context)).toEqual([]);
  keys = [old!];
  const { id } = await createWebhook({ ...context, records }, operator, { url: receiver.url });
  expect(await testWebhook(context, operator, id)).toMatchObject({ delivered: true });
});

it("tells each webhook what it subscribed to, under one id", async () => {
  await create({ events: ["quota.*"] });
  await create({ url: other.url });
  await createWebhook(stand.context, operator, { url: `${other.url}/agents`, events: ["agent.created"] });
  await exhausted();
  await putAlert(stand.context, { type: "agent.created", cause: ["op"], data: { agentId: "a" } });
  await stand.send();
  expect(receiver.received.map(({ body }) => JSON.parse(body).type)).toEqual(["quota.exhausted"]);
  expect(other.received.map(({ path, body }) => [path, JSON.parse(body).type]).sort()).toEqual([
    ["/hook", "quota.exhausted"],
    ["/hook/agents", "agent.created"],
  ]);
  const ids = [...receiver.received, ...other.received]
    .filter(({ body }) => body.includes("quota"))
    .map(({ headers }) => headers["webhook-id"]);
  expect(new Set(ids).size).toBe(1);
});

it("without a choice tells what an operator has to know", async () => {
  const { events } = await create();
  expect(events).toEqual([...defaultEvents]);
});

it("a test answers with what came of it, and is not repeated", async () => {
  const { id } = await create();
  expect(await testWebhook(stand.context, operator, id)).toMatchObject({ delivered: true, status: 204 });
  receiver.answer(answering(500));
  const failed = await testWebhook(stand.context, operator, id);
  expect(failed).toMatchObject({ delivered: false, status: 500 });
  stand.pass(3 * 86_400_000);
  await stand.send();
  expect(receiver.received).toHaveLength(2);
  const { deliveries } = await listDeliveries(stand.context, id, { limit: 10 });
  expect(deliveries.map(({ state, type }) => [state, type])).toEqual(
    expect.arrayContaining([
      ["failed", "webhook.test"],
      ["delivered", "webhook.test"],
    ]),
  );
  expect(JSON.stringify(deliveries)).not.toContain("nobody reads");
});

it("sends again under the same id, and says where there is nothing to send", async () => {
  const { id } = await create();
  await exhausted();
  await stand.send();
  const { deliveries } = await listDeliveries(stand.context, id, { limit: 10 });
  const { messageId } = deliveries[0]!;
  await resendDelivery(stand.context, operator, id, messageId);
  await stand.send();
  expect(receiver.received.map(({ headers }) => headers["webhook-id"])).toEqual([messageId, messageId]);
  await expect(resendDelivery(stand.context, operator, id, "msg_none")).rejects.toMatchObject({
    code: "delivery_not_found",
  });
  await expect(testWebhook(stand.context, operator, "none")).rejects.toMatchObject({ code: "webhook_not_found" });
});

it("is silent while it is switched off, and after it is deleted", async () => {
  const { id } = await create();
  expect(await updateWebhook(stand.context, operator, id, { disabled: true })).toMatchObject({
    status: "disabled",
    disabledReason: "operator",
  });
  await exhausted("one");
  await stand.send();
  expect(await updateWebhook(stand.context, operator, id, { disabled: false })).toMatchObject({ status: "active" });
  await exhausted("two");
  await stand.send();
  await deleteWebhook(stand.context, operator, id);
  await exhausted("three");
  await stand.send();
  expect(receiver.received.map(({ body }) => JSON.parse(body).data.agentId)).toEqual(["two"]);
  expect(await listWebhooks(stand.context)).toEqual({ webhooks: [] });
});

it("webhooks of the settings are there without a call, and change there", async () => {
  asOfNow();
  const { webhooks } = stand.context.settings.provisioning;
  const own = `whsec_${Buffer.alloc(32, 5).toString("base64")}`;
  webhooks.endpoints = [{ url: receiver.url }, { url: other.url, events: ["quota.*"], secret: own }];
  await exhausted();
  await stand.send();
  const { headers, body } = other.received[0]!;
  expect(new Webhook(own).verify(body, headers as Record<string, string>)).toBeDefined();
  const listed = (await listWebhooks(stand.context)).webhooks;
  expect(listed.map(({ url, source }) => [url, source]).sort()).toEqual(
    [
      [receiver.url, "settings"],
      [other.url, "settings"],
    ].sort(),
  );
  const first = listed.find(({ url }) => url === receiver.url)!;
  const second = listed.find(({ url }) => url === other.url)!;
  const code = "webhook_from_settings";
  await expect(updateWebhook(stand.context, operator, first.id, { url: other.url })).rejects.toMatchObject({ code });
  await expect(deleteWebhook(stand.context, operator, first.id)).rejects.toMatchObject({ code });
  await expect(rotateWebhookSecret(stand.context, operator, second.id, {})).rejects.toMatchObject({ code });
  // Without a secret of one's own, one is made: a rotation shows it.
  const { secret } = await rotateWebhookSecret(stand.context, operator, first.id, { graceSeconds: 0 });
  await testWebhook(stand.context, operator, first.id);
  const last = receiver.received.at(-1)!;
  expect(new Webhook(secret!).verify(last.body, last.headers as Record<string, string>)).toBeDefined();
  webhooks.endpoints = [{ url: other.url, events: ["agent.created"], secret: own }];
  expect((await listWebhooks(stand.context)).webhooks).toMatchObject([{ id: second.id, events: ["agent.created"] }]);
});

it.each([
  [
    "slack",
    {
      text: "[critical] quota.exhausted: Agent &lt;!channel&gt; is refused: 12 of 20,000 of maxTokensPerMonth are left.",
    },
  ],
  [
    "discord",
    {
      content:
        "\\[critical\\] quota.exhausted: Agent \\<!channel\\> is refused: 12 of 20,000 of maxTokensPerMonth are left.",
      allowed_mentions: { parse: [] },
    },
  ],
  ["teams", { type: "message", attachments: [{ contentType: "application/vnd.microsoft.card.adaptive" }] }],
  [
    "alertmanager",
    [
      {
        labels: { alertname: "quota.exhausted", severity: "critical", agentId: "<!channel>", keyId: "key1" },
        annotations: { summary: "Agent <!channel> is refused: 12 of 20,000 of maxTokensPerMonth are left." },
      },
    ],
  ],
  ["openclaw", { text: expect.stringContaining("Agent <!channel> is refused"), mode: "now" }],
] as const)("speaks %s", async (format, expected) => {
  await create({ format, ...(format === "openclaw" && { secret: "hook-token-not-real" }) });
  await exhausted("<!channel>");
  await stand.send();
  const { body, headers } = receiver.received[0]!;
  expect(JSON.parse(body)).toMatchObject(expected as object);
  if (format === "openclaw") {
    expect(headers.authorization).toBe("Bearer hook-token-not-real");
    expect(headers).not.toHaveProperty("webhook-signature");
  } else expect(headers).not.toHaveProperty("authorization");
});

it.each(["slack", "discord", "teams", "openclaw"] as const)(
  "%s is told of when it was that a gateway did not answer, where it takes the alert hours later",
  async (format) => {
    await create({ format, events: ["gateway.*"], ...(format === "openclaw" && { secret: "hook-token-not-real" }) });
    stand.clock.set(Date.UTC(2028, 1, 29, 23, 59, 58));
    receiver.answer(answering(503));
    const [name, data] = [gatewayIncident("eu"), { gateway: "eu" }];
    await openIncident(stand.context, name, { type: "gateway.unreachable", data });
    await stand.send();
    await closeIncident(stand.context, name, { type: "gateway.recovered", data });
    stand.pass(7_000);
    await stand.send();
    expect(receiver.received.at(-1)!.body).not.toContain("UTC");
    receiver.answer(answering(204));
    stand.pass(3_600_000);
    await stand.send();
    const told = receiver.received.map(({ body }) => body).filter((body) => body.includes("does not answer."));
    expect(told.at(-1)).toMatch(/does not answer\. (\\\\)?\(2028-02-29 23:59 UTC(\\\\)?\)/);
  },
);

it("an incident is open at Alertmanager until it is over, though its end came first", async () => {
  await create({ format: "alertmanager", events: ["gateway.*"] });
  const name = gatewayIncident("eu");
  const data = { gateway: "eu" };
  const alerts = () => receiver.received.map(({ body }) => JSON.parse(body)[0]);
  const begun = stand.clock.now();
  const iso = (at: number) => new Date(at).toISOString();
  await openIncident(stand.context, name, { type: "gateway.unreachable", data });
  await stand.send();
  expect(alerts()).toMatchObject([{ startsAt: iso(begun), endsAt: iso(begun + 365 * 86_400_000) }]);
  await closeIncident(stand.context, name, { type: "gateway.recovered", data });
  await stand.send();
  expect(alerts()[1]).toMatchObject({ labels: alerts()[0].labels, endsAt: iso(begun) });

  stand.pass(60_000);
  receiver.answer(answering(503));
  await openIncident(stand.context, name, { type: "gateway.unreachable", data });
  await stand.send();
  await closeIncident(stand.context, name, { type: "gateway.recovered", data });
  receiver.answer(answering(204));
  await stand.send();
  stand.pass(10_000);
  await stand.send();
  const last = alerts().at(-1);
  expect(last.annotations.summary).toContain("does not answer");
  expect(Date.parse(last.endsAt)).toBeLessThanOrEqual(stand.clock.now());
});

it("an incident that is open again stays open at Alertmanager, though news of the one before come late", async () => {
  await create({ format: "alertmanager", events: ["gateway.*"] });
  const name = gatewayIncident("eu");
  const data = { gateway: "eu" };
  receiver.answer(answering(503));
  await openIncident(stand.context, name, { type: "gateway.unreachable", data });
  await stand.send();
  await closeIncident(stand.context, name, { type: "gateway.recovered", data });
  await stand.send();
  stand.pass(1_000);
  receiver.answer(answering(204));
  await openIncident(stand.context, name, { type: "gateway.unreachable", data });
  await stand.send();
  stand.pass(10_000);
  await stand.send();
  const last = JSON.parse(receiver.received.at(-1)!.body)[0];
  expect(last.annotations.summary).toContain("does not answer");
  expect(Date.parse(last.endsAt)).toBeGreaterThan(stand.clock.now());
});

it.each(["gateway.unreachable", "*.unreachable"])(
  "an incident ends at an Alertmanager that is told of %s alone, which is told of its end nowhere else",
  async (event) => {
    await create({ format: "alertmanager", events: [event] });
    await create({ format: "slack", events: [event] });
    const name = gatewayIncident("eu");
    const data = { gateway: "eu" };
    await openIncident(stand.context, name, { type: "gateway.unreachable", data });
    await stand.send();
    await closeIncident(stand.context, name, { type: "gateway.recovered", data });
    await stand.send();
    const alerts = receiver.received.map(({ body }) => JSON.parse(body)).filter(Array.isArray);
    expect(alerts.map(([{ endsAt }]) => Date.parse(endsAt) > stand.clock.now())).toEqual([true, false]);
    expect(receiver.received).toHaveLength(3);
  },
);

it.each([
  ["its operator", 200],
  ["a 410", 410],
])(
  "an incident that ends while its Alertmanager is switched off by %s ends there once it is on again",
  async (_, status) => {
    const { id } = await create({ format: "alertmanager", events: ["gateway.unreachable"] });
    const name = gatewayIncident("eu");
    const data = { gateway: "eu" };
    await openIncident(stand.context, name, { type: "gateway.unreachable", data });
    await stand.send();
    receiver.answer(answering(status));
    if (status === 200) await updateWebhook(stand.context, operator, id, { disabled: true });
    await closeIncident(stand.context, name, { type: "gateway.recovered", data });
    await stand.send();
    stand.pass(10 * 86_400_000);
    await stand.send();
    const before = receiver.received.length;
    receiver.answer(answering(200));
    await updateWebhook(stand.context, operator, id, { disabled: false });
    stand.pass(300_000);
    await stand.send();
    expect(receiver.received).toHaveLength(before + 1);
    const last = JSON.parse(receiver.received.at(-1)!.body)[0];
    expect(Date.parse(last.endsAt)).toBeLessThanOrEqual(stand.clock.now());
  },
);

it.each(["slack", "discord", "teams"] as const)(
  "an agent's name for a model becomes no link and no mention in %s",
  async (format) => {
    await create({ format, events: ["spend.*"] });
    const data = { agentId: "a", keyId: "k", provider: "anthropic", model: "https://phish.example/@channel" };
    await putAlert(stand.context, { type: "spend.unpriced_model", cause: ["k"], data });
    await stand.send();
    const [{ body }] = receiver.received as [(typeof receiver.received)[0]];
    expect(body).toContain("phish.example");
    expect(body).not.toMatch(/https:\/\/phish|@channel/);
  },
);

it("a charge of last month's quota is no alert that Alertmanager refuses, for its end is not before its begin", async () => {
  await create({ format: "alertmanager" });
  const { ledger } = stand.context;
  stand.clock.set(Date.parse("2026-11-30T23:59:59Z"));
  const counter = "ai-key:k/usd" as const;
  const entry = { counter, period: "2026-11", limit: 5_000, amount: 4_500, alertAt: [80] };
  await ledger.reserve("ai-key:k/reservation:1", [entry]);
  stand.clock.set(Date.parse("2026-12-01T00:00:05Z"));
  await ledger.settle("ai-key:k/reservation:1", { [counter]: 4_500 });
  await stand.send();
  const [alert] = JSON.parse(receiver.received[0]!.body);
  expect(alert).toMatchObject({ labels: { alertname: "quota.threshold_reached" } });
  expect(Date.parse(alert.endsAt)).toBeGreaterThanOrEqual(Date.parse(alert.startsAt));
  expect(alert.annotations.summary).toContain("An agent that is deleted by now has used $0.0045 of $0.005 (80 %)");
});

it.each([
  `whsec_${"A".repeat(33)}`,
  `whsec_${"A".repeat(32)}=`,
  `whsec_${"A".repeat(34)}=`,
  `whsec_${"A".repeat(88)}`,
  "whsec_short",
  `whsec_${"!".repeat(32)}`,
])("a secret that signs nothing is refused: %s", async (secret) => {
  expect(CreateWebhook.safeParse({ url: receiver.url, secret }).success).toBe(false);
  const { id } = await create();
  await expect(rotateWebhookSecret(stand.context, operator, id, { secret })).rejects.toMatchObject({
    code: "invalid_body",
  });
});

it.each([24, 25, 26, 32, 63, 64])("a secret of %i bytes signs, padded or not", async (bytes) => {
  asOfNow();
  const padded = `whsec_${Buffer.alloc(bytes, 7).toString("base64")}`;
  const { id } = await create({ events: ["agent.*"] });
  for (const secret of [padded, padded.replace(/=+$/, "")]) {
    expect(CreateWebhook.safeParse({ url: receiver.url, secret }).success).toBe(true);
    await rotateWebhookSecret(stand.context, operator, id, { secret, graceSeconds: 0 });
    expect(await testWebhook(stand.context, operator, id)).toMatchObject({ delivered: true });
    const { body, headers } = receiver.received.at(-1)!;
    expect(new Webhook(padded).verify(body, headers as Record<string, string>)).toBeDefined();
  }
});
