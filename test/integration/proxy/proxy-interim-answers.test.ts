import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { afterEach, expect, it } from "vitest";
import { type ProxyStand, proxyStand } from "../../proxy-stand.ts";

let close: (() => Promise<void>) | undefined;
afterEach(() => close?.());

/** Some gateways before a model say "100 Continue" to whoever did not ask. */
async function behind(...parts: string[]): Promise<ProxyStand> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", async () => {
      for (const part of parts) {
        socket.write(part);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      socket.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const stand = await proxyStand({ upstream: `http://127.0.0.1:${port}`, quotas: { maxTokensPerMonth: 1_000_000 } });
  close = async () => {
    await stand.close();
    await new Promise((resolve) => server.close(resolve));
  };
  return stand;
}

const json = JSON.stringify({
  choices: [{ message: { content: "Hello" } }],
  usage: { prompt_tokens: 9, completion_tokens: 41, total_tokens: 50 },
});
const ok = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${json.length}\r\n\r\n${json}`;
const continues = "HTTP/1.1 100 Continue\r\n\r\n";
const early = "HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n";

it.each([
  ["one before the answer", [continues, ok]],
  ["several, in one piece with it", [continues + continues + early + ok]],
  ["one cut in the middle", [continues.slice(0, 9), continues.slice(9) + ok]],
])("interim answers that nobody asked for are passed over: %s", async (_, parts) => {
  const stand = await behind(...parts);
  const response = await fetch(`${stand.origin}/proxy/openai/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${stand.key}` },
    body: JSON.stringify({ model: "gpt-5", messages: [{ role: "user", content: "hello" }] }),
  });
  expect([response.status, await response.text(), response.headers.get("link")]).toEqual([200, json, null]);
  expect(await stand.quota("maxTokensPerMonth", 1_000_000)).toMatchObject({ used: 50, reserved: 0 });
});
