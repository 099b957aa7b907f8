import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ProxyStand, proxyStand, type Transport } from "../../proxy-stand.ts";

/** A client that leaves before the report of an answer whose model has reasoned out of sight. */

let upstream: Server;
let stand: ProxyStand;
beforeEach(async () => {
  upstream = createServer((request, response) => {
    request.resume().on("end", () => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const piece = { model: "openai/o3", choices: [{ index: 0, delta: { content: "42" }, finish_reason: "stop" }] };
      response.write(`data: ${JSON.stringify(piece)}\n\n`);
    });
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const { port } = upstream.address() as AddressInfo;
  stand = await proxyStand({
    kind: "openrouter",
    upstream: `http://127.0.0.1:${port}`,
    quotas: { maxTokensPerMonth: 1_000_000 },
  });
});
afterEach(async () => {
  await stand.close();
  upstream.closeAllConnections();
  upstream.close();
});

describe.each<Transport>(["node", "fetch"])("over %s", (transport) => {
  it.each([
    ["o3 alone", { model: "openai/o3" }],
    ["o3 behind a model that does not reason", { model: "openai/gpt-4o", models: ["openai/o3"] }],
    ["o3 before a model that does not reason", { models: ["openai/gpt-4o"], model: "openai/o3" }],
  ])("charges what %s can have thought", async (_, named) => {
    const leaving = new AbortController();
    const response = await stand.fetchBy(transport)("/proxy/openrouter/api/v1/chat/completions", {
      method: "POST",
      headers: { authorization: `Bearer ${stand.key}` },
      body: JSON.stringify({ ...named, stream: true, max_tokens: 50_000, messages: [{ role: "user", content: "?" }] }),
      signal: leaving.signal,
    });
    const reader = response.body!.getReader();
    const { value } = await reader.read();
    expect(new TextDecoder().decode(value)).toContain("42");
    leaving.abort();
    await reader.cancel().catch(() => {});
    await expect.poll(async () => (await stand.quota("maxTokensPerMonth", 1_000_000)).reserved).toBe(0);
    expect((await stand.quota("maxTokensPerMonth", 1_000_000)).used).toBeGreaterThanOrEqual(50_000);
  });
});
