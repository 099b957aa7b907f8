import { afterEach, beforeEach, expect, it } from "vitest";
import { alertText } from "../../../src/domain/alert-text.ts";
import { Problem } from "../../../src/errors.ts";
import type { AgentHost, SentMessage } from "../../../src/ports.ts";
import { createMasterKeyAlarm } from "../../../src/proxy/master-key-alarm.ts";
import { aiProviderHealth } from "../../../src/service/ai-keys/ai-provider-health.ts";
import { addAiProvider } from "../../../src/service/ai-keys/ai-providers.ts";
import { revokeAiProvider } from "../../../src/service/ai-keys/change-ai-provider.ts";
import { openIncident } from "../../../src/service/alerts/incidents.ts";
import { createProviderHealth } from "../../../src/service/alerts/provider-health.ts";
import { watchGateways } from "../../../src/service/alerts/watch-gateways.ts";
import { watchRevocations } from "../../../src/service/alerts/watch-revocations.ts";
import { withAlerts } from "../../../src/service/alerts/with-alerts.ts";
import { auditedChange } from "../../../src/service/audited-change.ts";
import type { Context } from "../../../src/service/context.ts";
import {
  createProvisioningKey,
  revokeProvisioningKey,
  rotateProvisioningKey,
} from "../../../src/service/provisioning-keys/provisioning-keys.ts";
import { aiProviderIncident, gatewaysMissed, keyLedger } from "../../../src/storage/ledger-names.ts";
import { alertsStand, operator } from "../../alerts-stand.ts";

const day = 86_400_000;
let stand: Awaited<ReturnType<typeof alertsStand>>;
let context: Context;

beforeEach(async () => {
  stand = await alertsStand([]);
  context = stand.context;
});
afterEach(() => stand.close());

/** All that became due, as it is told. */
async function told(): Promise<{ type: string; data: Record<string, unknown> }[]> {
  await stand.idle();
  await stand.send();
  const { messages } = await context.outbox.recent(0, 1_000);
  return messages.map(({ message }: SentMessage) => ({ type: message.type, data: JSON.parse(message.data) }));
}
/** Alerts of one moment have no order. */
const sorted = <T>(all: T[]): T[] => all.sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
const types = async () => (await told()).map(({ type }) => type);

it("a provisioning key's life is told, each step once", async () => {
  const { id } = await createProvisioningKey(context, operator, { name: "CI", scopes: ["agents:create"] });
  await rotateProvisioningKey(context, operator, id);
  await revokeProvisioningKey(context, operator, id);
  await revokeProvisioningKey(context, operator, id);
  expect(sorted(await told())).toEqual([
    { type: "provisioning_key.created", data: { keyId: id, actor: "cli" } },
    { type: "provisioning_key.revoked", data: { keyId: id, actor: "cli" } },
    { type: "provisioning_key.rotated", data: { keyId: id, actor: "cli" } },
  ]);
});

it("a key that ends is told of 14, 7 and 1 days before", async () => {
  const expiresAt = new Date(stand.clock.now() + 30 * day).toISOString();
  const { id } = await createProvisioningKey(context, operator, { name: "CI", scopes: ["agents:create"], expiresAt });
  const expiring = async () => (await told()).filter(({ type }) => type === "provisioning_key.expiring");
  stand.pass(16 * day - 1);
  expect(await expiring()).toEqual([]);
  stand.pass(1);
  const first = { type: "provisioning_key.expiring", data: { keyId: id, name: "CI", expiresAt, days: 14 } };
  expect(await expiring()).toEqual([first]);
  // A rotation keeps the end: what was foreseen is foreseen once.
  await rotateProvisioningKey(context, operator, id, 0);
  stand.pass(7 * day);
  const days = async () => (await expiring()).map(({ data }) => data.days);
  expect(await days()).toEqual([14, 7]);
  stand.pass(6 * day);
  // What was told for over a week is forgotten.
  expect(await days()).toEqual([7, 1]);
});

it("of a key that was revoked since, nobody is told that it ends", async () => {
  const expiresAt = new Date(stand.clock.now() + 8 * day).toISOString();
  const { id } = await createProvisioningKey(context, operator, { name: "CI", scopes: ["agents:create"], expiresAt });
  await revokeProvisioningKey(context, operator, id);
  stand.pass(8 * day);
  const seen = await context.outbox.take({ limit: 10, leaseMs: 1 });
  expect(seen.map(({ message }) => message.type)).toContain("provisioning_key.expiring");
  stand.pass(2);
  const { webhooksTold } = await stand.toldTo(["*.expiring"]);
  expect(webhooksTold).toEqual([]);
});

it("a key that nobody used for 90 days is told of, counted from its last use", async () => {
  const { id } = await createProvisioningKey(context, operator, { name: "CI", scopes: ["agents:create"] });
  stand.pass(60 * day);
  await context.ledger.take(keyLedger(id).rate, { limit: 10, windowMs: 60_000 });
  const unused = async () => (await stand.toldTo(["provisioning_key.unused"])).webhooksTold;
  stand.pass(31 * day);
  expect(await unused()).toEqual([]);
  stand.pass(59 * day);
  expect(await unused()).toMatchObject([{ type: "provisioning_key.unused", data: { keyId: id, days: 90 } }]);
});

it("a change that failed through us is an alert, and one that was refused is none", async () => {
  const create = (error: Error) =>
    auditedChange(context, operator, { action: "agent.create", target: "support-eu" }, () => Promise.reject(error));
  await create(new Problem("workspace_taken")).catch(() => undefined);
  await create(new Problem("host_unavailable")).catch(() => undefined);
  await create(new Error("a bug")).catch(() => undefined);
  expect(sorted(await told())).toEqual([
    { type: "agent.failed", data: { agentId: "support-eu", actor: "cli", code: "host_unavailable" } },
    { type: "agent.failed", data: { agentId: "support-eu", actor: "cli", code: "internal_error" } },
  ]);
});

it("an outcome that recovery writes a second time is one alert", async () => {
  const outcome = {
    phase: "outcome",
    action: "agent.create",
    actor: "recovery",
    outcome: "success",
    operationId: "op1",
    target: "a",
  } as const;
  await context.audit.append(outcome);
  await context.audit.append({ ...outcome, actor: "cli" });
  expect(await types()).toEqual(["agent.created"]);
});

it("a trail that cannot be written, or is broken, is told of once", async () => {
  const failing = { ...context.audit, append: () => Promise.reject(new Problem("audit_unwritable")) };
  const away = withAlerts({ ...context, audit: failing });
  const event = { phase: "event", action: "x", actor: "cli" } as const;
  for (let turn = 0; turn < 3; turn++) await expect(away.audit.append(event)).rejects.toThrow();
  const fault = { line: 812, reason: "the hash does not follow" };
  const broken = withAlerts({
    ...context,
    audit: { ...context.audit, verify: async () => ({ ok: false, events: 900, fault }) },
  });
  await broken.audit.verify();
  await broken.audit.verify();
  expect(sorted(await told())).toEqual([
    { type: "audit.broken", data: { line: 812, detail: "the hash does not follow" } },
    { type: "audit.unwritable", data: {} },
  ]);
});

const provider = {
  id: "prov1",
  provider: "anthropic",
  kind: "anthropic",
  name: "Main",
  sealedKey: "",
  hint: "sk-...",
  createdAt: "2026-11-01T00:00:00.000Z",
} as const;
const about = { aiProviderId: "prov1", name: "Main", provider: "anthropic" };

it("a provider is failing after five failures in a row within five minutes, and recovers with its first answer", async () => {
  const health = createProviderHealth(context);
  for (let turn = 0; turn < 4; turn++) health.fails(provider, "503");
  stand.pass(301_000);
  for (let turn = 0; turn < 4; turn++) health.fails(provider, "503");
  expect(await types()).toEqual([]);
  health.works(provider);
  for (let turn = 0; turn < 5; turn++) health.fails(provider, "unreachable");
  health.fails(provider, "unreachable");
  await stand.idle();
  const since = new Date(stand.clock.now()).toISOString();
  health.works(provider);
  health.works(provider);
  expect(sorted(await told())).toEqual([
    {
      type: "provider.failing",
      data: { ...about, since, detail: "5 calls in a row failed, the last with unreachable" },
    },
    { type: "provider.recovered", data: { ...about, since } },
  ]);
});

it("a master key that is refused is an alert with the first request, one from several processes", async () => {
  const [one, other] = [createProviderHealth(context), createProviderHealth(context)];
  one.refusesKey(provider, 401);
  other.refusesKey(provider, 401);
  one.refusesKey(provider, 401);
  const first = await told();
  expect(first.map(({ type }) => type)).toEqual(["provider.failing"]);
  expect(first[0]!.data.detail).toContain("ai-providers rotate prov1");
  // One that has seen no failure itself finds the incident, also after a restart.
  createProviderHealth(context).works(provider);
  expect(await types()).toEqual(["provider.failing", "provider.recovered"]);
  // The next time is another incident.
  stand.pass(61_000);
  one.refusesKey(provider, 401);
  expect(await types()).toEqual(["provider.failing", "provider.recovered", "provider.failing"]);
});

it("a gateway that is away at two looks is told of, and so is its return", async () => {
  let unreachable = ["eu"];
  const gateways = { known: () => [{ id: "eu" }, { id: "us" }] } as unknown as AgentHost["gateways"];
  const host = { ...context.host, kind: "remote" as const, gateways, list: async () => ({ agents: [], unreachable }) };
  const remote = { ...context, host };
  await watchGateways(remote);
  expect(await types()).toEqual([]);
  stand.pass(15_000);
  await watchGateways(remote);
  stand.pass(15_000);
  await watchGateways(remote);
  unreachable = [];
  await watchGateways(remote);
  await watchGateways(remote);
  expect((await told()).map(({ type, data }) => [type, data.gateway])).toEqual([
    ["gateway.unreachable", "eu"],
    ["gateway.recovered", "eu"],
  ]);
  unreachable = ["eu"];
  await watchGateways(remote);
  expect(await types()).toHaveLength(2);
});

it("the alert of a gateway that was taken out ends", async () => {
  let known = [{ id: "eu" }, { id: "us" }];
  let unreachable = ["eu"];
  const gateways = { known: () => known } as unknown as AgentHost["gateways"];
  const host = { ...context.host, kind: "remote" as const, gateways, list: async () => ({ agents: [], unreachable }) };
  const remote = { ...context, host };
  await watchGateways(remote);
  stand.pass(15_000);
  await watchGateways(remote);
  // It had no agents. An instance that still has it among its own finds it silent for a while.
  const before = { known: () => [{ id: "eu" }] } as unknown as AgentHost["gateways"];
  const list = async () => ({ agents: [], unreachable: ["eu"] });
  const formerly = { ...context, host: { ...host, gateways: before, list } };
  known = [{ id: "us" }];
  unreachable = [];
  for (let turn = 0; turn < 30; turn++) {
    stand.pass(15_000);
    await watchGateways(remote);
    await watchGateways(formerly);
  }
  expect(await types()).toEqual(["gateway.unreachable"]);
  for (let turn = 0; turn < 30; turn++) {
    stand.pass(15_000);
    await watchGateways(remote);
  }
  expect((await told()).map(({ type, data }) => [type, data.gateway, data.detail])).toEqual([
    ["gateway.unreachable", "eu", undefined],
    ["gateway.recovered", "eu", "it is none of the gateways any more"],
  ]);
  expect(await context.ledger.get(gatewaysMissed)).toBeUndefined();
});

it("the alert of a gateway ends where the settings name no gateways any more", async () => {
  const gateways = { known: () => [{ id: "eu" }] } as unknown as AgentHost["gateways"];
  const list = async () => ({ agents: [], unreachable: ["eu"] });
  const remote = { ...context, host: { ...context.host, kind: "remote" as const, gateways, list } };
  await watchGateways(remote);
  stand.pass(15_000);
  await watchGateways(remote);
  expect(await types()).toEqual(["gateway.unreachable"]);
  stand.pass(300_000);
  await watchGateways(context);
  expect(await types()).toEqual(["gateway.unreachable", "gateway.recovered"]);
});

it("a silent gateway is told of, and a provider's incident is found, though the clock was set back", async () => {
  let unreachable = ["eu"];
  const gateways = { known: () => [{ id: "eu" }] } as unknown as AgentHost["gateways"];
  const host = { ...context.host, kind: "remote" as const, gateways, list: async () => ({ agents: [], unreachable }) };
  const [one, other] = [createProviderHealth(context), createProviderHealth(context)];
  one.works(provider);
  await watchGateways({ ...context, host });
  await stand.idle();
  stand.pass(-600_000);
  other.refusesKey(provider, 401);
  await stand.idle();
  one.works(provider);
  for (let turn = 0; turn < 2; turn++) {
    await watchGateways({ ...context, host });
    stand.pass(15_000);
  }
  unreachable = [];
  await watchGateways({ ...context, host });
  expect(await context.ledger.get(gatewaysMissed)).toBeUndefined();
  expect((await types()).sort()).toEqual([
    "gateway.recovered",
    "gateway.unreachable",
    "provider.failing",
    "provider.recovered",
  ]);
});

it("a refused master key is logged each minute, though the clock was set back", () => {
  const alarm = createMasterKeyAlarm(context);
  alarm(provider, 401, new Uint8Array());
  alarm(provider, 401, new Uint8Array());
  stand.pass(-3_600_000);
  alarm(provider, 401, new Uint8Array());
  expect(stand.logs.filter(({ message }) => message.includes("refuses the operator's key"))).toHaveLength(2);
});

it("failures of five minutes are no failures in a row where the clock was set back between them", async () => {
  const health = createProviderHealth(context);
  for (let turn = 0; turn < 4; turn++) health.fails(provider, "503");
  stand.pass(-3_600_000);
  health.fails(provider, "503");
  expect(await types()).toEqual([]);
});

it("a provider that is revoked while it fails, fails no more", async () => {
  const add = { provider: "anthropic", key: "sk-ant-not-real-0123456789", name: "Main", verify: false };
  const { id } = await addAiProvider(context, operator, add);
  const record = (await context.records.get("ai-providers", id))!;
  const health = createProviderHealth(context);
  health.refusesKey(record, 401);
  await stand.idle();
  await revokeAiProvider(context, operator, id);
  await stand.idle();
  // A call that was under way.
  health.refusesKey(record, 401);
  stand.pass(61_000);
  health.refusesKey(record, 401);
  expect((await types()).sort()).toEqual(["provider.failing", "provider.recovered", "provider.revoked"]);
  const { data } = (await told()).find(({ type }) => type === "provider.recovered")!;
  expect(alertText("provider.recovered", data)).toBe('The AI provider "Main" fails no more: it was revoked.');
  expect(await aiProviderHealth(context, id)).not.toHaveProperty("since");
});

it("the incident of a provider whose revocation was killed before it ended that, ends with the next", async () => {
  const add = { provider: "anthropic", key: "sk-ant-not-real-0123456789", name: "Main", verify: false };
  const { id } = await addAiProvider(context, operator, add);
  await revokeAiProvider(context, operator, id);
  const about = { aiProviderId: id, name: "Main", provider: "anthropic" };
  await openIncident(context, aiProviderIncident(id), { type: "provider.failing", data: about });
  await revokeAiProvider(context, operator, id);
  expect((await types()).sort()).toEqual(["provider.failing", "provider.recovered", "provider.revoked"]);
});

it("a provider that fails again, which another instance saw recover, is told of though the clock was set back", async () => {
  const [one, other] = [createProviderHealth(context), createProviderHealth(context)];
  one.refusesKey(provider, 401);
  await stand.idle();
  other.works(provider);
  expect((await types()).sort()).toEqual(["provider.failing", "provider.recovered"]);
  stand.pass(-600_000);
  one.refusesKey(provider, 401);
  expect((await types()).sort()).toEqual(["provider.failing", "provider.failing", "provider.recovered"]);
});

it("a provider that is revoked while its first failure is written down, fails no more", async () => {
  const add = { provider: "anthropic", key: "sk-ant-not-real-0123456789", name: "Main", verify: false };
  const { id } = await addAiProvider(context, operator, add);
  const record = (await context.records.get("ai-providers", id))!;
  let isRevoked = false;
  const replace: typeof context.ledger.replace = async (...args) => {
    if (!isRevoked && args[0] === aiProviderIncident(id)) {
      isRevoked = true;
      await revokeAiProvider(context, operator, id);
      // The look for an incident behind it, which finds none.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return await context.ledger.replace(...args);
  };
  createProviderHealth({ ...context, ledger: { ...context.ledger, replace } }).refusesKey(record, 401);
  await stand.idle();
  expect(await aiProviderHealth(context, id)).not.toHaveProperty("since");
  expect((await types()).sort()).toEqual(["provider.failing", "provider.recovered", "provider.revoked"]);
});

it("a gateway that has agents and was not met since the start is told of", async () => {
  const gateways = { known: () => [{ id: "us" }] } as unknown as AgentHost["gateways"];
  const list = async () => ({ agents: [], unreachable: [] });
  const host = { ...context.host, kind: "remote" as const, gateways, list };
  const at = new Date(stand.clock.now()).toISOString();
  const entry = { agentId: "a", name: "a", gateway: "agents-gone", createdAt: at, updatedAt: at };
  await context.agentIndex.write(new Map([["a", entry]]));
  await watchGateways({ ...context, host });
  stand.pass(15_000);
  await watchGateways({ ...context, host });
  expect((await told()).map(({ type, data }) => [type, data.gateway])).toEqual([
    ["gateway.unreachable", "agents-gone"],
  ]);
  await context.agentIndex.write(new Map([["a", undefined]]));
});

it("a minted key that cannot be revoked for an hour is told of once", async () => {
  const createdAt = new Date(stand.clock.now()).toISOString();
  const record = { aiProviderId: "p", remoteId: "r", agentId: "a", attempts: 3, lastError: "away", createdAt };
  await context.records.set("revocations", "k1", { ...record, id: "k1" });
  await watchRevocations(context);
  expect(await types()).toEqual([]);
  stand.pass(3_600_000);
  await watchRevocations(context);
  await watchRevocations(context);
  expect(await told()).toEqual([
    {
      type: "revocation.stuck",
      data: { keyId: "k1", agentId: "a", aiProviderId: "p", since: createdAt, detail: "away" },
    },
  ]);
});
