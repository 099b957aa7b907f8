import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ProxyStand, proxyStand, type Transport } from "../proxy-stand.ts";
import { type SampleBehaviour, type SampleUpstream, startSampleUpstream } from "../upstream/sample-upstream.ts";

let upstream: SampleUpstream;
beforeAll(async () => {
  upstream = await startSampleUpstream();
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.behave("reset");
  upstream.seen.length = 0;
});

const outputBound = 100_000;
const body = (stream = false) =>
  JSON.stringify({
    model: "gpt-5",
    max_completion_tokens: outputBound,
    stream,
    messages: [{ role: "user", content: "hello" }],
  });
/** The amount that one request holds, give or take its slack. */
const one = outputBound + Buffer.byteLength(body());

/** The quota alone is to decide. */
const settings = { proxy: { maxConcurrentPerKey: 1_000 } };

async function call(stand: ProxyStand, transport: Transport, options: { stream?: boolean; signal?: AbortSignal } = {}) {
  return await stand.fetchBy(transport)("/proxy/openai/v1/chat/completions", {
    method: "POST",
    headers: { authorization: `Bearer ${stand.key}` },
    body: body(options.stream),
    ...(options.signal && { signal: options.signal }),
  });
}

describe.each<Transport>(["node", "fetch"])("over %s", (transport) => {
  it("of 500 requests at once with room for exactly 100, 100 succeed and 400 are refused", async () => {
    const limit = 100 * one + one / 2;
    const stand = await proxyStand({ upstream: upstream.origin, quotas: { maxTokensPerMonth: limit }, settings });
    // None is settled before all have asked.
    const { promise: until, resolve: goOn } = Promise.withResolvers<void>();
    upstream.behave({ until });
    let answered = 0;
    const statuses = await Promise.all(
      Array.from({ length: 500 }, async () => {
        const response = await call(stand, transport);
        if (++answered === 400) goOn();
        await response.text();
        return response.status;
      }),
    );
    expect(statuses.filter((status) => status === 200)).toHaveLength(100);
    expect(statuses.filter((status) => status === 429)).toHaveLength(400);
    expect(upstream.seen).toHaveLength(100);
    expect(await stand.quota("maxTokensPerMonth", limit)).toMatchObject({ used: 100 * 19, reserved: 0 });
    expect((await stand.quota("maxRequestsPerDay")).used).toBe(100);
    await stand.close();
  });

  it("of 500 requests at once with 100 a day, 100 succeed", async () => {
    const stand = await proxyStand({ upstream: upstream.origin, quotas: { maxRequestsPerDay: 100 }, settings });
    const statuses = await Promise.all(
      Array.from({ length: 500 }, async () => {
        const response = await call(stand, transport);
        await response.text();
        return response.status;
      }),
    );
    expect(statuses.filter((status) => status === 200)).toHaveLength(100);
    expect(await stand.quota("maxRequestsPerDay", 100)).toMatchObject({ used: 100, reserved: 0, left: 0 });
    await stand.close();
  });

  it("denies no tokens that are left: what the provider refused leaves its room to others", async () => {
    const limit = 10 * one;
    const stand = await proxyStand({
      upstream: upstream.origin,
      quotas: { maxTokensPerMonth: limit, maxRequestsPerDay: 70 },
    });
    upstream.behave({ status: 503 });
    for (let turn = 0; turn < 40; turn++) expect((await call(stand, transport)).status).toBe(503);
    upstream.behave({ status: undefined });
    for (let turn = 0; turn < 30; turn++) {
      const response = await call(stand, transport);
      expect(response.status).toBe(200);
      await response.text();
    }
    expect((await call(stand, transport)).status).toBe(429);
    await stand.close();
  });

  it("never passes the limit and ends exact, whatever streams, aborts and failures are mixed", async () => {
    const kinds: Partial<SampleBehaviour>[] = [
      {},
      { usage: { input: 500, output: 80_000 } },
      { status: 503 },
      { cut: "before headers" },
      { cut: "in the middle" },
      { tellsUsage: false },
      { terminal: false },
      { intervalMs: 3 },
    ];
    const plan = fc.array(
      fc.record({
        how: fc.constantFrom(...kinds),
        stream: fc.boolean(),
        leavesAfterMs: fc.option(fc.nat({ max: 30 })),
        waitMs: fc.nat({ max: 4 }),
      }),
      { minLength: 5, maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(plan, async (steps) => {
        const limit = 6 * one;
        const stand = await proxyStand({ upstream: upstream.origin, quotas: { maxTokensPerMonth: limit } });
        let over = 0;
        let done = false;
        const watch = (async () => {
          while (!done) {
            const { ledger } = stand.context;
            const { aiKeyLedger } = await import("../../src/storage/ledger-names.ts");
            const period = new Date().toISOString().slice(0, 7);
            const { used, reserved } = await ledger.used(aiKeyLedger(stand.keyId).tokens, period);
            over = Math.max(over, used + reserved - limit);
            await new Promise((resolve) => setTimeout(resolve, 2));
          }
        })();
        const running: Promise<unknown>[] = [];
        for (const { how, stream, leavesAfterMs, waitMs } of steps) {
          upstream.behave("reset");
          upstream.behave(how);
          const signal = leavesAfterMs === null ? undefined : AbortSignal.timeout(leavesAfterMs);
          running.push(
            call(stand, transport, { stream, ...(signal && { signal }) })
              .then((response) => response.text())
              .catch(() => "left or cut"),
          );
          await new Promise((resolve) => setTimeout(resolve, waitMs));
        }
        await Promise.all(running);
        await expect.poll(async () => (await stand.quota("maxTokensPerMonth")).reserved, { timeout: 5_000 }).toBe(0);
        done = true;
        await watch;
        expect(over).toBe(0);
        const { used } = await stand.quota("maxTokensPerMonth");
        const requests = (await stand.quota("maxRequestsPerDay")).used;
        expect(used).toBeLessThanOrEqual(limit);
        expect(requests).toBeLessThanOrEqual(steps.length);
        // A clean refusal of the provider counts as a request, and costs no tokens.
        expect(used > 0 && requests === 0).toBe(false);
        const { aiKeyLedger } = await import("../../src/storage/ledger-names.ts");
        const rows = await stand.context.ledger.usage(aiKeyLedger(stand.keyId).usage, "2000-01-01", "2999-12-31");
        expect(rows.reduce((sum, row) => sum + row.tokens, 0)).toBe(used);
        expect(rows.reduce((sum, row) => sum + row.requests, 0)).toBe(requests);
        await stand.close();
      }),
      { numRuns: 12 },
    );
  }, 60_000);
});
