import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { openSqliteLedger } from "../../adapters/node/sqlite/sqlite-ledger.ts";
import { aiKeyLedger } from "../../src/storage/ledger-names.ts";
import { type SampleUpstream, startSampleUpstream } from "../upstream/sample-upstream.ts";

let upstream: SampleUpstream;
beforeAll(async () => {
  upstream = await startSampleUpstream();
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.behave("reset");
  upstream.seen.length = 0;
});

interface ProxyProcess {
  child: ChildProcess;
  origin: string;
  key: string;
  keyId: string;
  ask(): Promise<{ used: number; reserved: number; heapUsed: number; external: number; rss: number }>;
}

async function startProxy(limit: number, ledgerPath = ""): Promise<ProxyProcess> {
  const script = join(import.meta.dirname, "children", "serve-proxy.ts");
  const child = spawn(process.execPath, ["--expose-gc", script, upstream.origin, String(limit), ledgerPath], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("the proxy's process has ended");
    return JSON.parse(value as string);
  };
  const ready = (await next()) as { origin: string; key: string; keyId: string };
  return {
    child,
    ...ready,
    async ask() {
      child.stdin!.write("\n");
      return await next();
    },
  };
}

const request = (proxy: ProxyProcess, init: RequestInit = {}, stream = true) =>
  fetch(`${proxy.origin}/proxy/openai/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${proxy.key}` },
    body: JSON.stringify({
      model: "m",
      stream,
      max_completion_tokens: 50,
      messages: [{ role: "user", content: "hello" }],
    }),
    ...init,
  });

it("stays up, keeps its memory and settles all when 200 clients disconnect in mid-stream, many times over", async () => {
  const proxy = await startProxy(1e12);
  upstream.behave({ pieces: 200, pieceBytes: 200, intervalMs: 100 });
  async function round(): Promise<void> {
    await Promise.all(
      Array.from({ length: 200 }, async (_, at) => {
        const controller = new AbortController();
        try {
          const response = await request(proxy, { signal: controller.signal });
          const reader = response.body!.getReader();
          for (let pieces = 0; pieces < at % 4; pieces++) await reader.read();
        } finally {
          controller.abort();
        }
      }),
    );
    await expect.poll(() => upstream.seen.every(({ aborted }) => aborted), { timeout: 10_000 }).toBe(true);
    upstream.seen.length = 0;
  }
  const settled = async () => {
    await expect.poll(async () => (await proxy.ask()).reserved, { timeout: 10_000 }).toBe(0);
    return await proxy.ask();
  };
  for (let warmup = 0; warmup < 3; warmup++) await round();
  const before = await settled();
  for (let turn = 0; turn < 8; turn++) await round();
  const after = await settled();
  expect(proxy.child.exitCode).toBeNull();
  const kept = (after.heapUsed + after.external - before.heapUsed - before.external) / 1e6;
  expect(kept, "MB kept after 1,600 disconnections").toBeLessThan(8);
  // All were charged: they had been sent.
  expect(after.used).toBeGreaterThan(11 * 200 * 50);
  upstream.behave("reset");
  expect((await request(proxy)).status).toBe(200);
  proxy.child.kill("SIGKILL");
}, 120_000);

it("takes clients that leave before the upstream has answered, or while they send", async () => {
  const proxy = await startProxy(1e12);
  upstream.behave({ delayMs: 50 });
  for (let turn = 0; turn < 5; turn++) {
    await Promise.allSettled(
      Array.from({ length: 100 }, (_, at) => request(proxy, { signal: AbortSignal.timeout(at % 40) }, at % 2 === 0)),
    );
  }
  await expect.poll(async () => (await proxy.ask()).reserved, { timeout: 10_000 }).toBe(0);
  upstream.behave("reset");
  expect((await request(proxy)).status).toBe(200);
  proxy.child.kill("SIGKILL");
}, 60_000);

/** The amount that the process had reserved for requests to come. */
function leasedIn(path: string, counter: string, period: string): number {
  const database = new DatabaseSync(path, { readOnly: true });
  const row = database.prepare("SELECT leased FROM counters WHERE counter = ? AND period = ?").get(counter, period);
  database.close();
  return Number(row!.leased);
}

it("forgets nothing that was spent when it is killed under load", async () => {
  const directory = await mkdtemp(join(tmpdir(), "proxy-kill-"));
  const path = join(directory, "ledger.sqlite");
  const limit = 1e9;
  for (let turn = 0; turn < 3; turn++) {
    upstream.seen.length = 0;
    const proxy = await startProxy(limit, path);
    upstream.behave({ intervalMs: turn });
    let answered = 0;
    let stop = false;
    const load = Promise.allSettled(
      Array.from({ length: 40 }, async (_, at) => {
        while (!stop) {
          const response = await request(proxy, {}, at % 2 === 0);
          await response.text();
          if (response.status === 200) answered++;
        }
      }),
    );
    await expect.poll(() => answered, { timeout: 10_000 }).toBeGreaterThan(200);
    proxy.child.kill("SIGKILL");
    stop = true;
    await load;
    const ledger = await openSqliteLedger({ path, clock: { now: Date.now } });
    const names = aiKeyLedger(proxy.keyId);
    const month = new Date().toISOString().slice(0, 7);
    const day = new Date().toISOString().slice(0, 10);
    const held = await ledger.used(names.tokens, month);
    const leased = leasedIn(path, names.tokens, month);
    // Each request that reached the upstream was paid for or is still held.
    const requests = await ledger.used(names.requests, day);
    expect(requests.used + requests.reserved).toBeGreaterThanOrEqual(upstream.seen.length);
    expect(held.used + held.reserved).toBeGreaterThanOrEqual(upstream.seen.length * 19);
    expect(requests.used).toBeLessThanOrEqual(upstream.seen.length);
    await ledger.settleStale("ai-key:", 0);
    const settled = await ledger.used(names.tokens, month);
    expect(settled).toEqual({ used: held.used + held.reserved + leased, reserved: 0 });
    await ledger.close();
  }
  await rm(directory, { recursive: true });
}, 60_000);
