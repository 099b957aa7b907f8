import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type ProxyStand, proxyStand } from "../../proxy-stand.ts";

const request = { model: "m", max_tokens: 16, messages: [{ role: "user", content: "Hi" }] };
const begins = (response: ServerResponse) =>
  response.writeHead(200, { "content-type": "application/json" }).write('{"type":');
const stalled: [string, (response: ServerResponse) => unknown][] = [
  ["has not begun", () => undefined],
  ["has begun", begins],
];

let stand: ProxyStand;
let answer: (response: ServerResponse) => unknown;
let seen: () => void;
const server = createServer((_, response) => {
  answer(response);
  seen();
});

beforeEach(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const upstream = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const settings = { proxy: { maxConcurrentPerKey: 1 } };
  stand = await proxyStand({
    kind: "anthropic",
    upstream,
    quotas: { maxTokensPerDay: 1000 },
    settings,
    backgroundMs: 200,
  });
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await stand.close();
});

it.each(stalled)("settles an answer that %s when the platform would end the reading of it", async (_, how) => {
  answer = how;
  const arrived = new Promise<void>((resolve) => (seen = resolve));
  const abort = new AbortController();
  const ask = (signal?: AbortSignal) =>
    stand.fetchBy("fetch")("/proxy/anthropic/v1/messages", {
      method: "POST",
      headers: { "x-api-key": stand.key, "content-type": "application/json" },
      body: JSON.stringify(request),
      ...(signal && { signal }),
    });
  const left = ask(abort.signal).then(
    (response) => response.text(),
    () => undefined,
  );
  await arrived;
  abort.abort();
  await left.catch(() => undefined);
  await expect.poll(() => stand.quota("maxTokensPerDay", 1000), { timeout: 3_000 }).toMatchObject({ reserved: 0 });
  expect((await stand.quota("maxTokensPerDay", 1000)).used).toBeGreaterThan(16);
  answer = (response) =>
    response
      .writeHead(200, { "content-type": "application/json" })
      .end('{"type":"message","content":[],"usage":{"input_tokens":1,"output_tokens":1}}');
  expect((await ask()).status).toBe(200);
});
