import { type AddressInfo, createServer, type Server } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ProxyStand, proxyStand } from "../../proxy-stand.ts";

/** Answers that no server of Node's own would write, over the transport that reads them itself. */

let upstream: Server;
let stand: ProxyStand;
let answer: string;

beforeAll(async () => {
  upstream = createServer((socket) => {
    socket.on("error", () => {}).on("data", () => socket.end(answer, "latin1"));
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const { port } = upstream.address() as AddressInfo;
  stand = await proxyStand({ upstream: `http://127.0.0.1:${port}`, quotas: { maxTokensPerMonth: 1_000_000_000 } });
});
afterAll(async () => {
  await stand.close();
  upstream.close();
});

async function ask(): Promise<{ status: number; text: string; tokens: number }> {
  const before = await stand.quota("maxTokensPerMonth", 1_000_000_000);
  const response = await stand.fetchBy("node")("/proxy/openai/v1/chat/completions", {
    method: "POST",
    headers: { authorization: `Bearer ${stand.key}` },
    body: JSON.stringify({ model: "gpt-4o", messages: [], max_completion_tokens: 50 }),
  });
  const text = await response.text().catch(() => "broken off");
  const after = await stand.quota("maxTokensPerMonth", 1_000_000_000);
  expect(after.reserved).toBe(0);
  return { status: response.status, text, tokens: after.used - before.used };
}

const json = JSON.stringify({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 } });
const whole = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${json.length}\r\n\r\n${json}`;

it("an answer behind interim ones that nobody asked for is metered and handed on", async () => {
  answer = `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${whole}`;
  expect(await ask()).toEqual({ status: 200, text: json, tokens: 7 });
});

it.each<[string, string, string]>([
  ["two lengths", whole.replace("content-length", "content-length: 3\r\ncontent-length"), "length is not one number"],
  ["a length and chunks", whole.replace("content-type", "transfer-encoding: chunked\r\ncontent-type"), "two lengths"],
  ["a bare line end", whole.replace("\r\n", "\n"), "status line"],
  ["a folded header", whole.replace("content-type", "x: a\r\n b\r\ncontent-type"), "no header"],
  ["an endless head", whole.replace("content-type", `x: ${"y".repeat(70_000)}\r\ncontent-type`), "longer than 65536"],
])("an answer with %s is a 502, costs its reservation, and the log says why", async (_, text, detail) => {
  answer = text;
  stand.logs.length = 0;
  const asked = await ask();
  expect(asked.status).toBe(502);
  expect(asked.text).not.toContain("total_tokens");
  expect(asked.tokens).toBeGreaterThanOrEqual(50);
  expect(stand.logs).toContainEqual({
    level: "warn",
    message: "the AI provider did not answer",
    fields: expect.objectContaining({ error: "malformed", detail: expect.stringContaining(detail) }),
  });
});

it.each<[string, string]>([
  ["a chunk longer than it says", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}}\r\n0\r\n\r\n"],
  ["a chunk of no size", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0x0\r\n\r\n"],
  ["an end before its length", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}"],
])("an answer with %s breaks off for the client too, and costs its reservation", async (_, text) => {
  answer = text;
  const asked = await ask();
  expect(asked).toMatchObject({ status: 200, text: "broken off" });
  expect(asked.tokens).toBeGreaterThanOrEqual(50);
});
