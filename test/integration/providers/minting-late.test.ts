import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import { type App, createApp } from "../../../src/app.ts";
import { Problem } from "../../../src/errors.ts";
import { retryRevocations } from "../../../src/service/ai-keys/minting.ts";
import type { Records } from "../../../src/storage/keyspace.ts";
import { callAsOperator } from "../../call-as-operator.ts";
import { masterKeys, type SampleAdminApis, sampleAdminApis } from "../../upstream/sample-admin-apis.ts";

const hourMs = 3_600_000;

let stateDir: string;
let node: NodePorts;
let app: App;
let apis: SampleAdminApis;
let now: number;
/** Collections that cannot be written. */
let unwritable: Set<string>;
/** How the operations of processes that are gone begin. */
let gone: string;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openclaw-late-"));
  apis = await sampleAdminApis();
  now = Date.now();
  unwritable = new Set();
  gone = "dead.";
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
  const settings = readNodeSettings(env);
  node = await openNode(settings, { env, log: () => undefined });
  const { records } = node.ports;
  const set: Records["set"] = async (collection, id, value) => {
    if (unwritable.has(collection)) throw new Problem("store_unwritable", "The disk is full.");
    await records.set(collection, id, value);
  };
  const google = "https://apikeys.googleapis.com";
  app = createApp(
    {
      ...node.ports,
      records: new Proxy(records, { get: (of, name) => (name === "set" ? set : Reflect.get(of, name)) }),
      fetch: (url, init) => fetch(String(url).replace(google, `${apis.origin}/google`), init),
      clock: { now: () => now },
      instance: { id: "here", isGone: (owner) => owner.startsWith(gone) },
    },
    settings.settings,
  );
});
afterEach(async () => {
  await node.close();
  await apis.close();
  await rm(stateDir, { recursive: true, force: true });
});

const post = (path: string, body: object) => callAsOperator(app, "POST", path, body);

const providers = {
  openai: () => ({ key: masterKeys.openaiAdmin, project: "proj_sample", baseUrl: `${apis.origin}/openai/v1` }),
  openrouter: () => ({ key: masterKeys.openrouter, baseUrl: `${apis.origin}/openrouter/api/v1` }),
  gemini: () => ({ key: masterKeys.gemini, project: "sample-project", credentials: apis.serviceAccount }),
  litellm: () => ({ key: masterKeys.litellm, baseUrl: `${apis.origin}/litellm` }),
};
type Minting = keyof typeof providers;
const minting = Object.keys(providers) as Minting[];
const creations: Record<Minting, RegExp> = {
  openai: /service_accounts$/,
  openrouter: /\/keys$/,
  gemini: /keys\?keyId=/,
  litellm: /\/key\/generate$/,
};
/** Keys that work at their providers. */
const atProviders = () =>
  apis.state.accounts.length +
  apis.state.openrouterKeys.length +
  apis.state.googleKeys.filter(({ deleteTime }) => deleteTime === undefined).length +
  apis.state.litellmKeys.length;

async function addProvider(provider: Minting, change: object = {}): Promise<string> {
  const body = { provider, name: "Management", verify: false, ...providers[provider](), ...change };
  const added = await post("/provisioning/ai-providers", body);
  expect(added.status).toBe(201);
  return added.body.id;
}
const create = (provider: Minting) =>
  post("/agents/create", { name: "late", autoProvisionAiKey: { provider, mode: "minted" } });
const remembered = async () => (await app.context.records.list("revocations")).items;
const revocations = async () => (await app.maintain()).revocations;
const revokedInTrail = async () =>
  (await app.context.audit.read({ limit: 1000 })).events.filter(({ action }) => action === "ai-key.revoke");

describe.each(minting)("%s", (provider) => {
  it("a key that is made after its creation was given up is revoked", async () => {
    await addProvider(provider);
    apis.fail("POST", creations[provider], { drop: "before" });
    expect(await create(provider)).toMatchObject({ status: 502, body: { code: "provider_unreachable" } });
    expect(await remembered()).toMatchObject([{ agentId: "late", unseen: true }]);
    // A search that finds nothing proves nothing: the key may be on its way yet.
    expect(await revocations()).toEqual({ revoked: 0, left: 0, awaited: 1 });
    await apis.arrive();
    expect(atProviders()).toBe(1);
    now += hourMs / 2;
    expect(await revocations()).toEqual({ revoked: 1, left: 0, awaited: 0 });
    expect([atProviders(), await remembered()]).toEqual([0, []]);
    expect(await revokedInTrail()).toMatchObject([{ outcome: "success", details: { agentId: "late" } }]);
  });

  it("a creation that never takes effect is forgotten after an hour, and not as revoked", async () => {
    await addProvider(provider);
    apis.fail("POST", creations[provider], { drop: "before" });
    await create(provider);
    now += hourMs;
    expect(await revocations()).toEqual({ revoked: 0, left: 0, awaited: 0 });
    const asked = apis.seen.length;
    expect(await revocations()).toEqual({ revoked: 0, left: 0, awaited: 0 });
    expect([await remembered(), await revokedInTrail(), apis.seen.length]).toEqual([[], [], asked]);
  });

  it.each([401, 403, 422])("a creation refused with %i leaves nothing to revoke", async (status) => {
    await addProvider(provider);
    apis.fail("POST", creations[provider], { status, json: { error: { message: "No.", code: status } } });
    expect(await create(provider)).toMatchObject({ status: 422, body: { code: "provider_refused" } });
    expect(await remembered()).toEqual([]);
    expect(apis.seen.at(-1)).toMatchObject({ method: "POST", path: expect.stringMatching(creations[provider]) });
  });

  it("what an interrupted creation may have minted is looked for until it is sure", async () => {
    await addProvider(provider);
    apis.fail("POST", creations[provider], { drop: "before" });
    unwritable.add("revocations");
    expect(await create(provider)).toMatchObject({ status: 503 });
    unwritable.clear();
    gone = "here.";
    await expect.poll(async () => (await app.maintain()).recovered).toEqual(['create of agent "late": undone']);
    expect(await remembered()).toMatchObject([{ agentId: "late", unseen: true }]);
    await apis.arrive();
    expect(await revocations()).toMatchObject({ revoked: 1 });
    expect([atProviders(), await remembered()]).toEqual([0, []]);
  });
});

describe.each(minting)("a key of %s that a move minted and nobody recorded", (provider) => {
  const minted = { provider, mode: "minted" };
  const move = () => callAsOperator(app, "PUT", "/agents/late/ai-key", minted);

  it("is revoked at once, and the one that the agent has is not", async () => {
    await addProvider(provider);
    expect((await create(provider)).status).toBe(201);
    const before = structuredClone(apis.state);
    unwritable.add("ai-keys");
    expect(await move()).toMatchObject({ status: 503 });
    unwritable.clear();
    expect([atProviders(), await remembered()]).toEqual([1, []]);
    expect(apis.state.accounts).toEqual(before.accounts);
    expect(apis.state.openrouterKeys).toEqual(before.openrouterKeys);
    expect(apis.state.litellmKeys).toEqual(before.litellmKeys);
    expect(apis.state.googleKeys[0]?.deleteTime).toBeUndefined();
    expect((await callAsOperator(app, "GET", "/agents/late")).body.health.aiKey).toMatchObject({
      mode: "minted",
      status: "active",
    });
    expect((await move()).status).toBe(200);
    expect(atProviders()).toBe(1);
  });
});

describe("remembered is what may exist", () => {
  it("credentials of Google's that cannot be used leave nothing to revoke", async () => {
    const account = {
      ...JSON.parse(apis.serviceAccount),
      private_key: "-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----\n",
    };
    await addProvider("gemini", { credentials: JSON.stringify(account) });
    expect(await create("gemini")).toMatchObject({ body: { code: "provider_settings" } });
    expect([await remembered(), apis.seen]).toEqual([[], []]);
  });

  it("a creation that does not come to the minting asks the provider nothing", async () => {
    await addProvider("openrouter");
    const append = app.context.audit.append.bind(app.context.audit);
    app.context.audit.append = async (event) => {
      if (event.phase === "intent") throw new Problem("store_unwritable", "The disk is full.");
      return await append(event);
    };
    expect(await create("openrouter")).toMatchObject({ status: 503 });
    expect([await remembered(), apis.seen]).toEqual([[], []]);
  });

  it("a key that was minted and could not be recorded is revoked at once", async () => {
    await addProvider("openrouter");
    unwritable.add("ai-keys");
    expect(await create("openrouter")).toMatchObject({ status: 503 });
    expect([atProviders(), await remembered()]).toEqual([0, []]);
    expect(apis.seen.at(-1)).toMatchObject({ method: "DELETE" });
  });

  it("what another process settled meanwhile is not remembered anew", async () => {
    await addProvider("openrouter");
    apis.fail("POST", creations.openrouter, { drop: "before" });
    await create("openrouter");
    const { records } = app.context;
    const page = await records.list("revocations");
    await records.remove("revocations", page.items[0]!.id);
    const list = async () => page;
    const stale = new Proxy(records, { get: (of, name) => (name === "list" ? list : Reflect.get(of, name)) });
    expect(await retryRevocations({ ...app.context, records: stale })).toEqual({ revoked: 0, left: 0, awaited: 0 });
    expect(await remembered()).toEqual([]);
  });

  it("as many as one invocation may do are tried at a time, and all of them in turn", async () => {
    const keyIds = ["k1", "k2", "k3", "k4", "k5"];
    const createdAt = new Date(now).toISOString();
    for (const id of keyIds) {
      const key = { id, aiProviderId: "gone", remoteId: id, agentId: "a", attempts: 1, lastError: "", createdAt };
      await app.context.records.set("revocations", id, key);
    }
    for (let run = 0; run < 3; run++, now += 300_000) {
      expect(await retryRevocations({ ...app.context, mostBulkChanges: 2 })).toMatchObject({ left: 2 });
    }
    const { items } = await app.context.records.list("revocations");
    expect(items.filter(({ attempts }) => attempts === 1)).toEqual([]);
  });

  it("a look that fails says so, until one succeeds", async () => {
    await addProvider("openrouter");
    apis.fail("POST", creations.openrouter, { drop: "before" });
    await create("openrouter");
    apis.fail("GET", /\/keys/, { status: 503, json: { error: { message: "down" } } });
    expect(await revocations()).toEqual({ revoked: 0, left: 1, awaited: 0 });
    expect((await remembered())[0]).not.toHaveProperty("unseen", true);
    expect(await revocations()).toEqual({ revoked: 0, left: 0, awaited: 1 });
    expect(await remembered()).toMatchObject([{ unseen: true, attempts: 3 }]);
  });
});
