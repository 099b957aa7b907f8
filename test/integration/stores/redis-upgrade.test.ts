import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRedisLedger } from "../../../adapters/node/redis/redis-ledger.ts";
import { createClient } from "../../../src/client/client.ts";
import { issueToken } from "../../../src/domain/token.ts";
import { aiKeyLedger } from "../../../src/storage/ledger-names.ts";
import { type NodeTarget, nodeTarget } from "../../contract/node-target.ts";
import { hasRedis, type RedisServer, startRedis } from "../../redis-server.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";
// Written by a server of release 1.0.0 (commit afd7bd7) that was used over its API and stopped: every key without a
// time to live. The digests are of keys whose secret is all zeros, and the provider's address is filled in.
import written from "./redis-1.0.0.json" with { type: "json" };

type Stored =
  | string
  | {
      hash?: Record<string, string>;
      zset?: Record<string, string>;
      stream?: [id: string, fields: string[]][];
    };

const day = "2026-11-29";
const provisioningKey = { kept: "RtgHt1kqdlcHJVMn", revoked: "bIPNhNB71aZYEIyY" };
const aiKeyId = "c4iroiiE2GE9ujtY";
const keyOf = (prefix: "ocp" | "ocv", id: string) => issueToken(prefix, id, (length) => new Uint8Array(length));

describe.skipIf(!hasRedis)("a Redis of release 1.0.0", () => {
  let server: RedisServer;
  let redis: Redis;
  let upstream: SampleUpstream;
  let target: NodeTarget;
  beforeEach(async () => {
    upstream = await startSampleUpstream();
    server = await startRedis();
    redis = new Redis(server.url);
    for (const [key, value] of Object.entries(written as Record<string, unknown>)) await put(key, value as Stored);
    const provisioning = { enabled: true, allowDelete: true, host: { kind: "registry" } };
    target = await nodeTarget({
      config: { gateway: { provisioning }, logging: { level: "error" } },
      env: {
        OPENCLAW_PROVISIONING_STORAGE: server.url,
        OPENCLAW_PROVISIONING_SEAL_KEY: Buffer.alloc(32, 7).toString("base64url"),
      },
    });
  });
  afterEach(async () => {
    await target?.close();
    redis.disconnect();
    await server.dispose();
    await upstream.close();
  });

  async function put(key: string, value: Stored): Promise<void> {
    if (typeof value === "string") await redis.set(key, value.replace("http://<upstream>", upstream.origin));
    else if (value.hash) await redis.hset(key, value.hash);
    else if (value.zset) for (const [member, score] of Object.entries(value.zset)) await redis.zadd(key, score, member);
    else for (const [id, fields] of value.stream!) await redis.xadd(key, id, ...fields);
  }
  const clientOf = (key: string) => createClient({ url: target.origin, token: target.token, provisioningKey: key });
  const chat = (key: string) =>
    fetch(`${target.origin}/proxy/local/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "gpt-4o-mini", max_tokens: 5, messages: [{ role: "user", content: "hello" }] }),
    });

  it("keeps every agent, key, counter and the chain", async () => {
    const admin = clientOf(target.adminToken);
    const { agents } = await admin.agents.list();
    expect(agents).toMatchObject([
      { agentId: "kept", name: "kept", createdBy: provisioningKey.kept },
      { agentId: "suspended", status: "suspended", createdBy: provisioningKey.kept },
    ]);
    expect(await admin.agents.get("kept")).toMatchObject({
      workspace: "/srv/workspace-kept",
      identity: { name: "Kept", emoji: "🦞" },
      bindings: ["telegram:kept"],
      health: {
        aiKey: {
          status: "active",
          quotas: { maxTokensPerMonth: { limit: 1_000_000 }, maxRequestsPerDay: { limit: 100 } },
        },
      },
    });
    const { keys } = await admin.agentKeys.list();
    const keyBy = (id: string) => keys.find((one) => one.id === id);
    expect(keyBy(provisioningKey.kept)).toMatchObject({ name: "Kept", status: "active", agents: 2, reach: "all" });
    expect(keyBy(provisioningKey.revoked)).toMatchObject({ name: "Revoked", status: "revoked" });
    expect(await admin.agents.usage("kept", { from: day, to: day })).toMatchObject({
      total: { requests: 3, tokens: 36 },
      days: [{ day, inputTokens: 21, outputTokens: 15, models: [{ model: "gpt-4o-mini", requests: 3 }] }],
    });
    const ledger = createRedisLedger(redis, "openclaw");
    expect(await ledger.used(aiKeyLedger(aiKeyId).tokens, "2026-11")).toEqual({ used: 36, reserved: 0 });
    expect(await ledger.used(aiKeyLedger(aiKeyId).requests, day)).toEqual({ used: 3, reserved: 0 });
    expect(await admin.audit.verify()).toMatchObject({ ok: true });
    expect((await admin.audit.list({ limit: 1000 })).events).toEqual(
      expect.arrayContaining([expect.objectContaining({ seq: 1, action: "ai-provider.add" })]),
    );
  });

  it("counts among all agents what was used before, whether used since or not", async () => {
    const ledger = createRedisLedger(redis, "openclaw");
    const names = aiKeyLedger(aiKeyId);
    const clock = { now: () => Date.parse(`${day}T23:00:00Z`) };
    const sums = async () => {
      const query = { prefix: "ai-key:", from: "2026-11-01", to: day, orderBy: "tokens", limit: 10 } as const;
      const fleet = createRedisLedger(redis, "openclaw", clock);
      const found = await Promise.all(
        (["day", "model", "name"] as const).map((by) => fleet.topUsage({ ...query, by })),
      );
      return found.map(({ groups }) => groups.map(({ key, requests, tokens }) => [key, requests, tokens]));
    };
    const before = [[[day, 3, 36]], [["gpt-4o-mini", 3, 36]], [[names.usage, 3, 36]]];
    expect(await sums()).toEqual(before);
    expect(await sums()).toEqual(before);

    // Another one, that is settled before anybody asks.
    await redis.flushdb();
    for (const [key, value] of Object.entries(written as Record<string, unknown>)) await put(key, value as Stored);
    const id = names.reservation("1");
    await ledger.reserve(id, [{ counter: names.tokens, period: "2026-11", limit: null, amount: 4 }]);
    const more = { requests: 1, inputTokens: 3, outputTokens: 1, tokens: 4, microUsd: 0, unpricedRequests: 0 };
    const none = { cacheReadTokens: 0, cacheWriteTokens: 0, webSearches: 0 };
    await ledger.settle(id, { [names.tokens]: 4 }, { name: names.usage, day, model: "gpt-4o-mini", ...more, ...none });
    expect(await sums()).toEqual([[[day, 4, 40]], [["gpt-4o-mini", 4, 40]], [[names.usage, 4, 40]]]);
  });

  it("goes on: its keys open, the provider gets its master key, places are taken, and changes are made", async () => {
    const client = clientOf(keyOf("ocp", provisioningKey.kept));
    await expect(clientOf(keyOf("ocp", provisioningKey.revoked)).agents.list()).rejects.toMatchObject({ status: 401 });
    for (const taken of [{ bind: ["telegram:kept"] }, { workspace: "/srv/workspace-kept" }]) {
      await expect(client.agents.create({ name: "thief", ...taken })).rejects.toMatchObject({ status: 409 });
    }

    expect((await chat(keyOf("ocv", aiKeyId))).status).toBe(200);
    expect(upstream.seen[0]?.headers.authorization).toBe("Bearer master-not-a-real-key");
    const today = new Date().toISOString().slice(0, 10);
    await expect
      .poll(async () => (await client.agents.usage("kept", { from: today, to: today })).total.requests)
      .toBe(today === day ? 4 : 1);

    const { aiKey } = await client.agents.rotateAiKey("kept", { graceSeconds: 0 });
    expect((await chat(keyOf("ocv", aiKeyId))).status).toBe(401);
    expect((await chat(aiKey.key!)).status).toBe(200);
    expect(await client.agents.resume("suspended")).toMatchObject({ status: "ready" });
    await client.agents.delete("kept");
    expect(await client.agents.create({ name: "heir", bind: ["telegram:kept"] })).toMatchObject({
      bindings: { added: ["telegram:kept"] },
    });
    expect(await clientOf(target.adminToken).audit.verify()).toMatchObject({ ok: true });
  });
});
