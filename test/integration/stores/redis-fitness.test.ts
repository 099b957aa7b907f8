import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { openRedis } from "../../../adapters/node/redis/redis.ts";
import { openRedisStores } from "../../../adapters/node/redis/redis-stores.ts";
import type { Stores } from "../../../adapters/node/stores/stores.ts";
import { instanceAlive, storesForm } from "../../../src/storage/ledger-names.ts";
import { hasRedis, type RedisServer, startRedis } from "../../redis-server.ts";

describe.skipIf(!hasRedis)("an instance that may not work with what others have in Redis", () => {
  let server: RedisServer;
  let first: Stores;
  let other: Stores | undefined;
  beforeEach(async () => {
    server = await startRedis();
    first = await open(1);
  });
  afterEach(async () => {
    await other?.close();
    other = undefined;
    await first.close();
    await server.dispose();
  });

  const open = (...sealKeys: number[]) =>
    openRedisStores(server.url, {
      stateDir: "",
      settings: readNodeSettings({ OPENCLAW_STATE_DIR: "/nowhere", OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" })
        .settings,
      clock: { now: Date.now },
      log: () => {},
      sealKeys: () => sealKeys.map((byte) => new Uint8Array(32).fill(byte)),
    });
  async function openWhileAway(...sealKeys: number[]): Promise<Stores> {
    await server.kill();
    other = await open(...sealKeys);
    await server.start();
    for (const { records } of [first, other]) {
      await expect.poll(() => records.list("agents").then(() => "there"), { timeout: 5_000 }).toBe("there");
    }
    return other;
  }
  const calls = ({ ledger, audit, outbox }: Stores) => [
    () => ledger.check(),
    () => ledger.claim("agent:a/claim", { owner: "a", ttlMs: 1_000 }),
    () => ledger.get("key:a/state"),
    () => audit.append({ phase: "event", action: "agent.create", actor: "cli", operationId: "op" }),
    () => outbox.take({ limit: 1, leaseMs: 1_000 }),
  ];
  async function allRefused(stores: Stores, why: RegExp): Promise<void> {
    for (const call of calls(stores)) {
      const cause = { message: expect.stringMatching(why) };
      await expect(call()).rejects.toMatchObject({ code: "store_unwritable", cause });
    }
  }

  it("could tell a newer release by which form this Redis is of", async () => {
    expect(await first.ledger.get(storesForm)).toBe("1");
  });

  it("is refused every change when it started while Redis was away, with another seal key", async () => {
    const stores = await openWhileAway(2);
    await allRefused(stores, /^this instance's seal key .* set OPENCLAW_PROVISIONING_SEAL_KEY/);
    expect((await first.audit.read({ limit: 10 })).events).toEqual([]);
  });

  it("is refused every change when it started while Redis was away, and a newer release was there", async () => {
    await first.ledger.put(storesForm, "2");
    await allRefused(await openWhileAway(1), /^this Redis was written by a newer release/);
  });

  it("is refused them from the readiness on that finds a newer release there, and no more once that is gone", async () => {
    await first.ledger.put(storesForm, "2");
    await expect(first.ledger.check()).rejects.toMatchObject({ code: "store_unwritable" });
    await allRefused(first, /^this Redis was written by a newer release/);
    const bare = await openRedis({ url: server.url, clock: { now: Date.now } });
    await bare.ledger.put(storesForm, "1");
    await bare.close();
    for (const call of calls(first)) await call();
  });

  it("is refused them from its next sign of life on, though nobody asks it whether it is ready", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const presence = first.presence!("one-1-1");
    await expect.poll(() => first.ledger.get(instanceAlive("one-1-1"))).toBe("1");
    await first.ledger.put(storesForm, "2");
    vi.advanceTimersByTime(15_000);
    vi.useRealTimers();
    await expect.poll(() => first.ledger.get("key:a/state").catch(({ code }) => code)).toBe("store_unwritable");
    await allRefused(first, /^this Redis was written by a newer release/);
    await presence.close();
  });

  it("works as the others do when it started while Redis was away, with the same seal key", async () => {
    for (const call of calls(await openWhileAway(2, 1))) await call();
  });
});
