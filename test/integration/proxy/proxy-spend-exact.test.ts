import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createRedisLedger } from "../../../adapters/node/redis/redis-ledger.ts";
import { openSqliteLedger } from "../../../adapters/node/sqlite/sqlite-ledger.ts";
import type { Ledger } from "../../../src/ports.ts";
import { aiKeyLedger } from "../../../src/storage/ledger-names.ts";
import { durableLedger } from "../../conformance/durable-ledger.ts";
import { freshScope, startWorkerPorts, type WorkerPorts } from "../../conformance/worker-ports.ts";
import { type ProxyStand, proxyStand } from "../../proxy-stand.ts";
import { redisConnections } from "../../redis-connections.ts";
import { hasRedis } from "../../redis-server.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

const now = Date.UTC(2026, 10, 22, 18);
const clock = { now: () => now };
const room = 100;
const asked = 500;

/** Each call goes to the next of several handles, as if to another process. */
function inTurns(handles: readonly Ledger[]): Ledger {
  let turn = 0;
  return new Proxy(handles[0]!, {
    get: (_, name) => {
      const handle = handles[turn++ % handles.length]!;
      const value: unknown = Reflect.get(handle, name);
      return typeof value === "function" ? value.bind(handle) : value;
    },
  });
}

let upstream: SampleUpstream;
let stand: ProxyStand | undefined;
beforeAll(async () => {
  upstream = await startSampleUpstream();
});
afterAll(() => upstream.close());
afterEach(async () => {
  await stand?.close();
  stand = undefined;
});

async function letsInExactly(wrap: (own: Ledger) => Ledger): Promise<void> {
  const row = {
    provider: "anthropic",
    model: "m",
    input: 3,
    output: 15,
    cacheRead: 0.3,
    cacheWrite: 3.75,
    cacheWrite1h: 6,
  };
  stand = await proxyStand({
    kind: "anthropic",
    upstream: upstream.origin,
    now: clock.now,
    wrapLedger: wrap,
    settings: { prices: { rows: [row] }, proxy: { maxConcurrentPerKey: 1_000 } },
  });
  const { baseUrl, key, keyId, context, quota } = stand;
  const { usd } = aiKeyLedger(keyId);
  const ask = async (): Promise<number> => {
    const response = await fetch(`${baseUrl}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": key },
      body: JSON.stringify({ model: "m", max_tokens: 100, messages: [{ role: "user", content: "hello" }] }),
    });
    await response.text();
    return response.status;
  };
  const reserved = async () => (await context.ledger.used(usd, "2026-11")).reserved;

  let pass = () => {};
  const held = () => upstream.behave({ until: new Promise<void>((resolve) => (pass = resolve)) });
  held();
  const first = ask();
  await until(async () => (await reserved()) > 0);
  const one = await reserved();
  pass();
  expect(await first).toBe(200);
  const before = Math.round((await quota("maxUsdPerMonth", 1)).used * 1e6);

  await stand.changeState({ quotas: { maxUsdPerMonth: (before + room * one) / 1e6 } });
  held();
  let refused = 0;
  const answers = Array.from({ length: asked }, async () => {
    const status = await ask();
    if (status === 429) refused++;
    return status;
  });
  await until(() => refused === asked - room);
  expect(await reserved()).toBe(room * one);
  pass();
  const statuses = await Promise.all(answers);
  expect(statuses.filter((status) => status === 200)).toHaveLength(room);
  expect(statuses.filter((status) => status === 429)).toHaveLength(asked - room);
  // 12 tokens in, 7 out.
  expect(await quota("maxUsdPerMonth", 1)).toMatchObject({
    used: (before + room * (12 * 3 + 7 * 15)) / 1e6,
    reserved: 0,
  });
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries > 2_000) throw new Error("it did not come about");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe("a quota of money with room for exactly 100 lets in 100 of 500 at once", () => {
  it("on one handle of node:sqlite", async () => {
    await letsInExactly((own) => own);
  }, 60_000);

  it("on two handles of node:sqlite", async () => {
    const directory = mkdtempSync(join(tmpdir(), "spend-"));
    const path = join(directory, "ledger.sqlite");
    const handles = [await openSqliteLedger({ path, clock }), await openSqliteLedger({ path, clock })];
    try {
      await letsInExactly(() => inTurns(handles));
    } finally {
      await stand?.close();
      stand = undefined;
      for (const handle of handles) await handle.close();
      rmSync(directory, { recursive: true });
    }
  }, 60_000);

  describe.skipIf(!hasRedis)("with Redis", () => {
    const connections = redisConnections(2);

    it("on two connections", async () => {
      await letsInExactly(() => inTurns(connections.map((redis) => createRedisLedger(redis, "spend", clock))));
    }, 60_000);
  });

  describe("with Durable Objects", () => {
    let ports: WorkerPorts;
    beforeAll(async () => {
      ports = await startWorkerPorts();
    });
    afterAll(() => ports.dispose());

    it("on two isolates' handles", async () => {
      const scope = freshScope();
      await letsInExactly(() => inTurns([1, 2].map(() => durableLedger(ports, scope, clock))));
    }, 60_000);
  });
});
