import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readNodeSettings } from "../../adapters/node/node-settings.ts";
import { openNode } from "../../adapters/node/open-node.ts";
import { openRedis } from "../../adapters/node/redis/redis.ts";
import { createApp } from "../../src/app.ts";
import type { DoctorReport } from "../../src/cli/doctor-report.ts";
import { freePort } from "../free-port.ts";
import { hasRedis, type RedisServer, startRedis } from "../redis-server.ts";
import { runBundle } from "../run-bundle.ts";
import { keyedClient, makeStateDir, startServerProcess, token } from "../server-process.ts";

const password = "hunter2-not-a-real-password";

describe.skipIf(!hasRedis)("a Redis that cannot be used is told of:", () => {
  let server: RedisServer;
  let stateDir: string;
  let admin: Redis;

  beforeEach(async () => {
    server = await startRedis();
    stateDir = await makeStateDir();
    admin = new Redis(server.url).on("error", () => {});
  });
  afterEach(async () => {
    admin.disconnect();
    await server.dispose();
    rmSync(stateDir, { recursive: true, force: true });
  });

  const run = (args: string[], storage: string) =>
    runBundle(args, {
      OPENCLAW_STATE_DIR: stateDir,
      OPENCLAW_GATEWAY_TOKEN: token,
      OPENCLAW_GATEWAY_PORT: "0",
      OPENCLAW_PROVISIONING_STORAGE: storage,
    });
  const redisCheck = async (storage: string) => {
    const { stdout, stderr } = await run(["provisioning", "doctor", "--json"], storage);
    expect(stdout + stderr).not.toContain(password);
    return (JSON.parse(stdout) as DoctorReport).checks.find(({ name }) => name === "redis");
  };
  const withPort = (scheme: string, port: string) => `${scheme}://:${password}@127.0.0.1:${port}/0`;

  it("a database that it does not have, which is never another one", async () => {
    const storage = server.url.replace(/0$/, "99");
    for (const args of [["serve"], ["provisioning", "agents", "list"]]) {
      const { exitCode, stderr } = await run(args, storage);
      expect([exitCode, stderr]).toEqual([
        1,
        expect.stringMatching(/^error: .*STORAGE .* its database 99 .*out of range/),
      ]);
    }
    expect(await admin.dbsize()).toBe(0);
  });

  it("a database that it has no more, also while the server runs", async () => {
    await admin.acl("SETUSER", "fickle", "on", `>${password}`, "~*", "&*", "+@all");
    const { host } = new URL(server.url);
    const stores = await openRedis({
      url: `redis://fickle:${password}@${host}/7`,
      clock: { now: Date.now },
    });
    await stores.ledger.check();
    await admin.acl("SETUSER", "fickle", "-select");
    await admin.client("KILL", "USER", "fickle");
    await sleep(1_500);
    for (const call of [() => stores.ledger.check(), () => stores.records.list("keys"), () => stores.audit.check()]) {
      await expect(call()).rejects.toMatchObject({
        cause: { message: expect.stringContaining("its database 7 cannot") },
      });
    }
    expect(await admin.dbsize()).toBe(0);
    await stores.close();
  });

  it("a database that cannot be selected for a moment, which it goes on with afterwards", async () => {
    const { host } = new URL(server.url);
    const stores = await openRedis({ url: `redis://${host}/7`, clock: { now: Date.now } });
    const other = new Redis(server.url).on("error", () => {});
    await admin.config("SET", "busy-reply-threshold", "1500");
    // Another program's script: of no answer at first, and then of `BUSY` until it is killed.
    const endless = other.eval("while true do end", 0).catch(() => undefined);
    await sleep(200);
    await expect(stores.ledger.check()).rejects.toMatchObject({ code: "store_unwritable" });
    await sleep(2_000);
    await admin.script("KILL");
    await endless;
    await expect.poll(() => stores.ledger.check().then(() => "done"), { timeout: 5_000 }).toBe("done");
    expect(await admin.dbsize()).toBe(0);
    other.disconnect();
    await stores.close();
  });

  it("a database for which it has no client left at first, which it goes on with afterwards", async () => {
    const { host } = new URL(server.url);
    await admin.config("SET", "maxclients", "1");
    const stores = await openRedis({ url: `redis://${host}/7`, clock: { now: Date.now } });
    await sleep(1_000);
    await expect(stores.ledger.check()).rejects.toMatchObject({ code: "store_unwritable" });
    await admin.config("SET", "maxclients", "100");
    await expect.poll(() => stores.ledger.check().then(() => "done"), { timeout: 5_000 }).toBe("done");
    expect(await admin.dbsize()).toBe(0);
    await stores.close();
  });

  it("a password that it does not take", async () => {
    await admin.config("SET", "requirepass", "another");
    const storage = withPort("redis", new URL(server.url).port);
    expect(await redisCheck(storage)).toMatchObject({ status: "failed", detail: expect.stringContaining("WRONGPASS") });
  });

  it("nothing at its address, TLS to a plain port, and a host that there is not", async () => {
    expect(await redisCheck(withPort("redis", String(await freePort())))).toMatchObject({
      status: "failed",
      detail: expect.stringContaining("ECONNREFUSED"),
    });
    const tls = await redisCheck(withPort("rediss", new URL(server.url).port));
    expect(tls?.status).toBe("failed");
    expect(tls?.detail).toMatch(/does it speak TLS/);
    const unknown = await redisCheck(`redis://:${password}@no-such-host.invalid:6379/0`);
    expect(unknown).toMatchObject({ status: "failed", detail: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/) });
  });

  it("in the log, once for each reason, and when it is over", async () => {
    const lines: unknown[] = [];
    const stores = await openRedis({
      url: server.url,
      clock: { now: Date.now },
      log: (level, message, fields) => lines.push([level, message, fields?.reason]),
    });
    await server.kill();
    await sleep(1_500);
    await expect(stores.ledger.check()).rejects.toMatchObject({
      cause: { message: expect.stringContaining("ECONNREFUSED") },
    });
    await server.start();
    for (let i = 0; i < 50 && stores.fault() !== undefined; i++) await sleep(100);
    await stores.close();
    expect(lines.at(-1)).toEqual(["info", "Redis can be used again", undefined]);
    const refused = lines.filter((line) => String(line).includes("ECONNREFUSED"));
    expect(refused).toEqual([["error", "Redis cannot be used", expect.stringContaining("ECONNREFUSED")]]);
  });

  it("in the log, as silent where it does not answer, and not as one that speaks TLS", async () => {
    const reasons: unknown[] = [];
    const stores = await openRedis({
      url: server.url,
      clock: { now: Date.now },
      log: (_level, _message, fields) => reasons.push(fields?.reason),
    });
    server.freeze();
    await expect(stores.ledger.check()).rejects.toMatchObject({ code: "store_unwritable" });
    await sleep(100);
    expect(reasons).toEqual(["it did not answer within 900 ms"]);
    server.resume();
    await stores.close();
  });

  it("by its name to who may call, to others as a store alone, and to all with a time to come again", async () => {
    const env = {
      OPENCLAW_STATE_DIR: stateDir,
      OPENCLAW_GATEWAY_TOKEN: token,
      OPENCLAW_PROVISIONING_ENABLED: "true",
      OPENCLAW_PROVISIONING_STORAGE: server.url,
    };
    const settings = readNodeSettings(env);
    const node = await openNode(settings, { env, log: () => {} });
    const app = createApp(node.ports, settings.settings);
    await server.kill();
    const ask = async (path: string, headers: Record<string, string> = {}) => {
      const answer = await app.fetch(new Request(`http://h${path}`, { headers }));
      const { code, detail } = (await answer.json()) as { code: string; detail: string };
      return [answer.status, answer.headers.get("retry-after"), code, detail];
    };
    const authorization = `Bearer ${token}`;
    const named = expect.stringMatching(/Redis.*"doctor"/);
    expect(await ask("/readyz", { authorization })).toEqual([503, "2", expect.stringMatching(/_unwritable$/), named]);
    expect(await ask("/readyz")).toEqual([503, "2", expect.anything(), expect.not.stringContaining("Redis")]);
    expect(await ask("/api/v1/agents", { authorization, "x-openclaw-provisioning-key": "any" })).toEqual([
      503,
      "2",
      expect.stringMatching(/^store_/),
      named,
    ]);
    await node.close();
  });

  it("that it may throw away what it holds, by doctor", async () => {
    expect(await redisCheck(server.url)).toMatchObject({ status: "ok" });
    await admin.config("SET", "maxmemory-policy", "allkeys-lru");
    expect(await redisCheck(server.url)).toMatchObject({ status: "ok" });
    await admin.config("SET", "maxmemory", "100mb");
    expect(await redisCheck(server.url)).toMatchObject({
      status: "warning",
      detail: expect.stringContaining("maxmemory-policy allkeys-lru"),
    });
  });

  it("a user who may not ask for INFO, which it serves all the same", async () => {
    await admin.acl("SETUSER", "plain", "on", `>${password}`, "~*", "&*", "+@all", "-info");
    const storage = `redis://plain:${password}@${new URL(server.url).host}/0`;
    const running = await startServerProcess(stateDir, { OPENCLAW_PROVISIONING_STORAGE: storage });
    const { client } = await keyedClient(running.origin);
    await client.agents.create({ name: "whole" });
    expect(await running.stop()).toBe(0);
    const { exitCode, stdout } = await run(["provisioning", "doctor", "--json"], storage);
    const { checks } = JSON.parse(stdout) as DoctorReport;
    expect(checks.find(({ name }) => name === "redis")).toMatchObject({
      status: "warning",
      detail: expect.stringMatching(/^answers; .*NOPERM/),
      remedy: expect.stringContaining("+info"),
    });
    expect(checks.map(({ name }) => name)).toContain("agent host");
    expect(exitCode).toBe(0);
  });

  it("nothing where the server is stopped, which is no fault", async () => {
    const running = await startServerProcess(stateDir, { OPENCLAW_PROVISIONING_STORAGE: server.url });
    expect(await running.stop()).toBe(0);
    expect(running.output()).not.toContain("Redis");
  });
});
