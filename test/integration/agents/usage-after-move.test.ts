import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import { type App, createApp } from "../../../src/app.ts";
import { periodOf } from "../../../src/domain/quota.ts";
import { describeThreshold } from "../../../src/service/alerts/describe-threshold.ts";
import { maintain } from "../../../src/service/maintenance/maintain.ts";
import { findOrphans } from "../../../src/service/maintenance/orphans.ts";
import { aiKeyLedger, issuedKeys } from "../../../src/storage/ledger-names.ts";
import { callAsOperator } from "../../call-as-operator.ts";

let stateDir: string;
let node: NodePorts;
let app: App;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openclaw-moved-use-"));
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
  const { settings, ...rest } = readNodeSettings(env);
  settings.provisioning.allowDelete = true;
  node = await openNode({ settings, ...rest }, { env, log: () => undefined });
  app = createApp(node.ports, settings);
  for (const provider of ["anthropic", "openai"]) {
    const master = { provider, name: provider, key: "sk-not-a-real-key-0000", verify: false };
    await call("POST", "/provisioning/ai-providers", master);
  }
});
afterEach(async () => {
  await node.close();
  await rm(stateDir, { recursive: true, force: true });
});

const call = (method: string, path: string, body?: object) => callAsOperator(app, method, path, body);
const keyOf = async (): Promise<string> => (await call("GET", "/agents/ours")).body.aiKeyId;

/** The agent's key is charged for one request of seven dollars. */
async function spend(): Promise<void> {
  const { ledger } = app.context;
  const names = aiKeyLedger(await keyOf());
  const now = Date.now();
  const id = names.reservation("x");
  const ofMonth = { period: periodOf("month", now), limit: null };
  const amounts = { [names.tokens]: 600, [names.usd]: 7_000_000 };
  const counters = [names.tokens, names.usd];
  await ledger.reserve(
    id,
    counters.map((counter) => ({ ...ofMonth, counter, amount: amounts[counter]! })),
  );
  const none = { cacheReadTokens: 0, cacheWriteTokens: 0, webSearches: 0, unpricedRequests: 0 };
  const tokens = { requests: 1, inputTokens: 100, outputTokens: 500, tokens: 600, microUsd: 7_000_000 };
  const usage = { name: names.usage, day: periodOf("day", now), model: "m", ...tokens, ...none };
  await ledger.settle(id, amounts, usage);
}

const queries = ["agent", "label:tenant", "createdBy", "provider", "model", "day"].flatMap((by) => [
  `by=${by}`,
  `by=${by}&label=tenant:acme`,
]);
const sums = async () => {
  const found = await Promise.all(queries.map(async (query) => (await call("GET", `/usage?${query}`)).body.rows));
  return found.map((rows) => rows.map(({ key, usd }: { key: string; usd: number }) => [key, usd]));
};
const top = async () =>
  (await call("GET", "/overview")).body.top.map(({ agentId, usd }: { agentId: string; usd: number }) => [agentId, usd]);
const create = () => {
  const body = { name: "ours", model: "m", labels: { tenant: "acme" }, autoProvisionAiKey: { provider: "anthropic" } };
  return call("POST", "/agents/create", body);
};

it.each([
  ["moved", () => call("PUT", "/agents/ours/ai-key", { provider: "openai", model: "m" })],
  ["taken away", () => call("DELETE", "/agents/ours/ai-key")],
  [
    "taken away, replaced and moved",
    async () => {
      await call("DELETE", "/agents/ours/ai-key");
      await call("POST", "/agents/ours/ai-key", { provider: "anthropic" });
      return await call("PUT", "/agents/ours/ai-key", { provider: "openai", model: "m" });
    },
  ],
])(
  "sums across agents keep what an agent used before its key was %s, for as long as it is there",
  async (_, change) => {
    await create();
    const former = await keyOf();
    await spend();
    const before = await sums();
    expect(before.flat()).toHaveLength(queries.length);
    expect(await top()).toEqual([["ours", 7]]);
    expect((await change()).status).toBe(200);
    expect(await keyOf()).not.toBe(former);
    expect(await sums()).toEqual(before);
    expect(await top()).toEqual([["ours", 7]]);
    expect(await findOrphans(app.context)).toEqual([]);

    expect((await call("DELETE", "/agents/ours")).status).toBe(200);
    expect(await app.context.records.list("ai-keys")).toEqual({ items: [] });
    expect(await app.context.ledger.usage(aiKeyLedger(former).usage, "2026-01-01", "2100-01-01")).toEqual([]);
  },
);

const thresholds = async () => {
  const { outbox } = app.context;
  const due = await outbox.take({ limit: 100, leaseMs: 60_000 });
  const found = due.filter(({ message }) => message.type === "quota.threshold_reached");
  return await Promise.all(
    found.map(async ({ message }) => {
      const told = JSON.parse((await describeThreshold(app.context, message))!);
      return [told.agentId, told.quota, told.percent, told.used, told.limit];
    }),
  );
};

it.each([
  ["lowered", () => call("PATCH", "/agents/ours", { quotas: { maxUsdPerMonth: 8, maxTokensPerMonth: 1_000 } })],
  [
    "lowered by a move",
    () => call("PUT", "/agents/ours/ai-key", { provider: "openai", model: "m", quotas: { maxUsdPerMonth: 8 } }),
  ],
])("a quota that is %s below what is used tells of its threshold once", async (_, change) => {
  await create();
  await call("PATCH", "/agents/ours", { quotas: { maxUsdPerMonth: 100 } });
  await spend();
  expect(await thresholds()).toEqual([]);
  expect((await change()).status).toBe(200);
  await expect.poll(thresholds).toEqual([["ours", "maxUsdPerMonth", 80, 7, 8]]);
  expect((await call("PATCH", "/agents/ours", { quotas: { maxUsdPerMonth: 9 } })).status).toBe(200);
  expect((await call("PATCH", "/agents/ours", { quotas: { maxUsdPerMonth: 8 } })).status).toBe(200);
  await sleep(100);
  expect(await thresholds()).toEqual([]);
});

it("a move that a process left while it carried the use, and that is found hours later, counts nothing twice", async () => {
  await create();
  await spend();
  const { ledger } = app.context;
  const { settle } = ledger;
  ledger.settle = (id, ...rest) =>
    id.includes("carried-") ? Promise.reject(new Error("killed")) : settle(id, ...rest);
  await call("PUT", "/agents/ours/ai-key", { provider: "openai", model: "m" });
  ledger.settle = settle;
  await ledger.settleStale("ai-key:", -1);
  await maintain(app.context);
  const { used } = await ledger.used(aiKeyLedger(await keyOf()).usd, periodOf("month", Date.now()));
  expect(used).toBe(7_000_000);
  expect((await call("GET", "/usage?by=day")).body.total).toMatchObject({ usd: 7, tokens: 600 });
  expect(await ledger.creditEstimates(aiKeyLedger(await keyOf()).usage, 0)).toEqual({ tokens: 0, microUsd: 0 });
});

it("a former key goes with its agent though the ledger was taken back behind the move", async () => {
  await create();
  const former = await keyOf();
  await spend();
  await call("PUT", "/agents/ours/ai-key", { provider: "openai", model: "m" });
  await app.context.ledger.put(issuedKeys("ours"), undefined);
  expect((await call("DELETE", "/agents/ours")).status).toBe(200);
  expect(await app.context.records.list("ai-keys")).toEqual({ items: [] });
  expect(await app.context.ledger.usage(aiKeyLedger(former).usage, "2026-01-01", "2100-01-01")).toEqual([]);
});

it("lists a former key as revoked, for people", async () => {
  await create();
  const former = await keyOf();
  await call("PUT", "/agents/ours/ai-key", { provider: "openai", model: "m" });
  const now = await keyOf();
  const mappings = async (): Promise<{ keyId: string; status: string }[]> =>
    JSON.parse(await readFile(join(stateDir, "provisioning/ai-key-mappings.json"), "utf8")).mappings;
  const statuses = async () => Object.fromEntries((await mappings()).map(({ keyId, status }) => [keyId, status]));
  await expect.poll(statuses, { timeout: 10_000 }).toEqual({ [former]: "revoked", [now]: "active" });
});
