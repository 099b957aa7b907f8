import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type ProxyStand, proxyStand, type StandOptions } from "../../proxy-stand.ts";
import { type RawConnection, rawConnection } from "../../raw-http.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

const mebibyte = 1_048_576;
const request = { model: "gpt-5", max_tokens: 64, messages: [{ role: "user", content: "hello" }] };

let upstream: SampleUpstream;
beforeAll(async () => {
  upstream = await startSampleUpstream();
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.behave("reset");
  upstream.seen.length = 0;
});

describe.each(["node", "fetch"] as const)("over %s", (transport) => {
  let stand: ProxyStand;
  const connections: RawConnection[] = [];
  const open = async (options: Partial<StandOptions> = {}) => {
    stand = await proxyStand({ upstream: upstream.origin, ...options });
  };
  afterEach(async () => {
    for (const { socket } of connections.splice(0)) socket.destroy();
    await stand.close();
  });

  const origin = () => (transport === "node" ? stand.origin : stand.fetchOrigin);
  const path = "/proxy/openai/v1/chat/completions";
  const ask = async (body: unknown = request, key = stand.key) => {
    const response = await fetch(origin() + path, {
      method: "POST",
      headers: { authorization: `Bearer ${key}` },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    const { error } = (await response.json()) as { error?: { message: string } };
    return { status: response.status, retryAfter: response.headers.get("retry-after"), message: error?.message ?? "" };
  };

  /** A request whose body does not come, or not to its end. */
  async function parked(framing: string, sent = "") {
    const connection = await rawConnection(origin());
    connections.push(connection);
    const answered = new Promise<string>((resolve) => {
      let text = "";
      connection.socket.on("data", (chunk) => {
        text += chunk;
        if (/\r\n\r\n.*\}/s.test(text)) resolve(text);
      });
    });
    const head = `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${stand.key}\r\n${framing}\r\n\r\n`;
    await connection.send(head + sent);
    return { ...connection, answered };
  }
  const ofLength = (length: number) => `content-length: ${length}`;
  const statusOf = (text: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]);
  /** Waits for what happens behind the connection. */
  const until = (check: () => Promise<void> | void) => vi.waitFor(check, { timeout: 5_000, interval: 10 });

  describe("a spent key costs no body", () => {
    it.each([
      ["its requests of the day", { maxRequestsPerDay: 1 }, /Daily request quota exceeded/],
      ["its rate", { maxRequestsPerMinute: 1 }, /Rate limit reached: 1 requests per minute/],
      ["its tokens", { maxTokensPerMonth: 300 }, /Monthly token quota exceeded/],
    ])("of %s", async (_, quotas, message) => {
      await open({ quotas });
      upstream.behave({ usage: { input: 200, output: 110 } });
      expect((await ask()).status).toBe(200);
      await stand.idle();
      for (const framing of [ofLength(29_000_000), "transfer-encoding: chunked"]) {
        const answer = await (await parked(framing)).answered;
        expect(statusOf(answer)).toBe(429);
        expect(answer).toMatch(message);
      }
      expect((await ask()).status).toBe(429);
      // It was refused, so that now a small one is not read either.
      expect(statusOf(await (await parked(ofLength(100))).answered)).toBe(429);
      expect(upstream.seen).toHaveLength(1);
      expect(stand.context.metrics.render()).toMatch(/openclaw_proxy_quota_denials_total\{.*\} 4/);
    });

    it("and is taken again once its quota was raised, also where records lag", async () => {
      await open({ quotas: { maxRequestsPerDay: 1 } });
      await ask();
      expect((await ask()).status).toBe(429);
      expect((await ask()).status).toBe(429);
      await stand.changeState({ quotas: { maxRequestsPerDay: 2 } }, { recordLags: true });
      expect((await ask()).status).toBe(200);
    });
  });

  it("a key has at most maxConcurrentPerKey requests under way, and others are not held up", async () => {
    await open({ settings: { proxy: { maxConcurrentPerKey: 2 } } });
    const other = await stand.addKey(stand.provider);
    const first = await parked(ofLength(100));
    const second = await parked(ofLength(100));
    await until(async () => {
      const refused = await ask();
      expect(refused).toMatchObject({ status: 429, retryAfter: "1" });
      // OpenClaw tells its user of these that a quota is spent, instead of asking again.
      expect(refused.message).not.toMatch(
        /daily|weekly|monthly|per day|per month|usage limit|quota exceeded|current quota/i,
      );
    });
    expect((await ask(request, other.key)).status).toBe(200);
    expect(stand.context.metrics.render()).toContain('quota="maxConcurrentPerKey",reason="concurrency"');

    first.socket.destroy();
    await until(async () => expect((await ask()).status).toBe(200));
    // Places come back however a request ends.
    for (const body of ["{", "[]", JSON.stringify({ ...request, max_tokens: "x" })]) {
      expect((await ask(body)).status).toBe(400);
    }
    upstream.behave({ status: 500 });
    expect((await ask()).status).toBe(500);
    upstream.behave({ cut: "before headers", status: undefined });
    expect((await ask()).status).toBe(502);
    upstream.behave("reset");
    for (let turn = 0; turn < 4; turn++) expect((await ask()).status).toBe(200);
    second.socket.destroy();
  });

  it("requests that are being answered count too", async () => {
    await open({ settings: { proxy: { maxConcurrentPerKey: 1 } } });
    upstream.behave({ intervalMs: 50, pieces: 200 });
    const leave = new AbortController();
    const streaming = await fetch(origin() + path, {
      method: "POST",
      headers: { authorization: `Bearer ${stand.key}` },
      body: JSON.stringify({ ...request, stream: true }),
      signal: leave.signal,
    });
    expect(streaming.status).toBe(200);
    expect((await ask()).status).toBe(429);
    leave.abort();
    await until(async () => expect((await ask()).status).not.toBe(429));
  });

  describe("bodies in memory have a budget over all", () => {
    const settings = { proxy: { maxBodyBytes: mebibyte, maxBodyMemoryBytes: 4 * mebibyte, bodyTimeoutMs: 60_000 } };

    it("announced bodies are held up front, at most half of the rest by one key, and the rest is for others", async () => {
      await open({ settings });
      const other = await stand.addKey(stand.provider);
      const held = await Promise.all([1, 2, 3].map(() => parked(ofLength(mebibyte))));
      const answer = await Promise.race(held.map(({ answered }) => answered));
      expect(statusOf(answer)).toBe(503);
      expect(answer).toMatch(/retry-after: 1\r\n/i);
      expect(answer).toContain('"type":"server_error"');
      expect((await ask(request, other.key)).status).toBe(200);
      for (const { socket } of held) socket.destroy();
      await until(async () => {
        const whole = JSON.stringify({ ...request, padding: "x".repeat(mebibyte - 200) });
        expect((await ask(whole)).status).toBe(200);
      });
      await stand.idle();
    });

    it("a body without a length is held as it grows", async () => {
      await open({ settings });
      const chunk = `${(mebibyte - 10).toString(16)}\r\n${" ".repeat(mebibyte - 10)}\r\n`;
      const held = await Promise.all([1, 2, 3].map(() => parked("transfer-encoding: chunked", chunk)));
      expect(statusOf(await Promise.race(held.map(({ answered }) => answered)))).toBe(503);
      for (const { socket } of held) socket.destroy();
      const whole = JSON.stringify({ ...request, padding: "x".repeat(mebibyte - 200) });
      await until(async () => expect((await ask(whole)).status).toBe(200));
    });

    it("a body that takes its time is given up, and its memory given back", async () => {
      await open({ settings: { proxy: { ...settings.proxy, bodyTimeoutMs: 1_000, maxConcurrentPerKey: 2 } } });
      const slow = [await parked(ofLength(mebibyte), "{"), await parked("transfer-encoding: chunked", "1\r\n{\r\n")];
      for (const { answered } of slow) {
        const answer = await answered;
        expect(statusOf(answer)).toBe(408);
        expect(answer).toContain("did not arrive");
      }
      const whole = JSON.stringify({ ...request, padding: "x".repeat(mebibyte - 200) });
      expect((await ask(whole)).status).toBe(200);
    });
  });
});
