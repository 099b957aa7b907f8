import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ProxyStand, proxyStand } from "../../proxy-stand.ts";
import { type RawConnection, rawConnection, statusesIn } from "../../raw-http.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

/** Connections as clients keep, share, halve and drop them. */

let upstream: SampleUpstream;
let stand: ProxyStand;
beforeAll(async () => {
  upstream = await startSampleUpstream();
  stand = await proxyStand({
    upstream: upstream.origin,
    quotas: { maxTokensPerMonth: 1_000_000_000 },
    settings: { proxy: { bodyTimeoutMs: 1_500, maxBodyBytes: 200_000 } },
  });
});
afterAll(async () => {
  await stand.close();
  await upstream.close();
});
let connection: RawConnection;
let text: string;
beforeEach(async () => {
  upstream.behave("reset");
  upstream.seen.length = 0;
  connection = await rawConnection(stand.origin);
  text = "";
  connection.socket.on("data", (piece) => {
    text += piece;
  });
  return () => void connection.socket.destroy();
});

const path = "/proxy/openai/v1/chat/completions";
const bodyOf = (fields: object = {}) =>
  JSON.stringify({ model: "m", max_completion_tokens: 50, messages: [{ role: "user", content: "hello" }], ...fields });
const headOf = (length: number, fields = "", key = stand.key) =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\n${fields}Content-Length: ${length}\r\n\r\n`;
const post = (fields = "", body = bodyOf()) => headOf(body.length, fields) + body;
/** The next answer follows the last one's body on the same line. */
const statuses = () => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
const untilStatuses = (...expected: number[]) => expect.poll(statuses, { timeout: 5_000 }).toEqual(expected);
const reserved = async () => (await stand.quota("maxTokensPerMonth", 1_000_000_000)).reserved;

describe("a connection", () => {
  it("is kept for one request after the other, and says for how long", async () => {
    for (const count of [1, 2, 3]) {
      await connection.send(post());
      await untilStatuses(...Array<number>(count).fill(200));
    }
    expect(text).toMatch(/^connection: keep-alive\r$/im);
    expect(text).toMatch(/^keep-alive: timeout=\d+\r$/im);
    expect(text).toMatch(/^date: \w{3}, /im);
  });

  it("ends after the answer where its client says so", async () => {
    await connection.send(post("Connection: close\r\n"));
    expect(statusesIn(await connection.received())).toEqual([200]);
    expect(text).toMatch(/^connection: close\r$/im);
  });

  it("takes a request of any kind after another, also one in chunks, a HEAD and one that is not for the proxy's path", async () => {
    await connection.send(post());
    await untilStatuses(200);
    const body = bodyOf();
    await connection.send(
      post("Transfer-Encoding: chunked\r\n")
        .replace(/Content-Length: \d+\r\n/, "")
        .replace(body, `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`),
    );
    await untilStatuses(200, 200);
    await connection.send("HEAD /proxy/openai/v1 HTTP/1.1\r\nHost: a\r\n\r\n");
    await untilStatuses(200, 200, 204);
    await connection.send(post());
    await untilStatuses(200, 200, 204, 200);
    expect(upstream.seen.map((seen) => seen.body)).toEqual([body, body, body]);
  });

  it("answers requests that are sent without waiting in their order", async () => {
    upstream.behave({ delayMs: 100 });
    await connection.send(post("", bodyOf({ model: "a" })));
    await connection.send(post("", bodyOf({ model: "b" })) + post("X-Empty:\r\n", bodyOf({ model: "c" })));
    await connection.send(`GET /proxy/openai/v1/nothing HTTP/1.1\r\nHost: a\r\n\r\n`);
    await untilStatuses(200, 200, 200, 401);
    expect(upstream.seen.map((seen) => JSON.parse(seen.body).model)).toEqual(["a", "b", "c"]);
  });

  it("takes a request in pieces", async () => {
    const body = bodyOf({ user: "u".repeat(150_000) });
    const whole = headOf(body.length) + body;
    for (const ends of [[300], [20], [whole.length - 1], [10, 400, 70_000]]) {
      upstream.seen.length = 0;
      text = "";
      let from = 0;
      for (const end of [...ends, whole.length]) {
        await connection.send(whole.slice(from, end));
        await new Promise((resolve) => setTimeout(resolve, 20));
        from = end;
      }
      await untilStatuses(200);
      expect(JSON.parse(upstream.seen[0]!.body).user).toHaveLength(150_000);
    }
  });

  it("goes on after a refusal, whose body is read and dropped", async () => {
    const large = "x".repeat(150_000);
    await connection.send(headOf(large.length, "", "no-key") + large.slice(0, 1_000));
    await untilStatuses(401);
    await connection.send(large.slice(1_000) + post());
    await untilStatuses(401, 200);
    await connection.send(headOf(300_000) + "x".repeat(300_000));
    await untilStatuses(401, 200, 413);
    await connection.send(post());
    await untilStatuses(401, 200, 413, 200);
    expect(upstream.seen).toHaveLength(2);
  });

  it("ends with 408 where a body does not come, and with 400 where its client ends it before", async () => {
    await connection.send(`${headOf(100)}{`);
    const late = await connection.received();
    expect(statusesIn(late)).toEqual([408]);
    expect(late).toMatch(/^connection: close\r$/im);
    const other = await rawConnection(stand.origin);
    await other.send(`${headOf(100)}{`);
    other.socket.end();
    expect(statusesIn(await other.received())).toEqual([400]);
    expect(upstream.seen).toEqual([]);
    await expect.poll(reserved).toBe(0);
  });

  it("that its client halves is one that it has left", async () => {
    upstream.behave({ delayMs: 3_000 });
    await connection.send(post("", bodyOf({ stream: true })));
    await expect.poll(() => upstream.seen.length).toBe(1);
    connection.socket.end();
    expect(await connection.received()).toBe("");
    await expect.poll(() => upstream.seen[0]!.aborted, { timeout: 5_000 }).toBe(true);
    await expect.poll(reserved).toBe(0);
  });

  it("that breaks in the middle of a body or of an answer leaves nothing reserved", async () => {
    await connection.send(`${headOf(100)}{`);
    connection.socket.resetAndDestroy();
    upstream.behave({ pieces: 100, intervalMs: 100 });
    const other = await rawConnection(stand.origin);
    await other.send(post("", bodyOf({ stream: true })));
    await new Promise((resolve) => other.socket.once("data", resolve));
    other.socket.resetAndDestroy();
    await expect.poll(() => upstream.seen.map(({ aborted }) => aborted), { timeout: 5_000 }).toEqual([true]);
    await expect.poll(reserved).toBe(0);
    expect(stand.logs.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("that says nothing is neither counted nor in the way", async () => {
    const count = () =>
      new Promise<number>((resolve, reject) =>
        stand.server.getConnections((error, open) => (error ? reject(error) : resolve(open))),
      );
    await connection.send("");
    const before = await count();
    const other = await rawConnection(stand.origin);
    await expect.poll(count).toBe(before + 1);
    other.socket.destroy();
    await expect.poll(count).toBe(before);
  });
});
