import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { type ProxyStand, proxyStand } from "../../proxy-stand.ts";

/** A client that takes its time, in front of a provider that does not. */

const megabyte = 1_048_576;
const usage = JSON.stringify({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 } });
const whole = Buffer.concat([Buffer.alloc(48 * megabyte, " "), Buffer.from(usage)]);

let server: Server | undefined;
let stand: ProxyStand | undefined;
afterEach(async () => {
  await stand?.close();
  server?.closeAllConnections();
  server?.close();
});

async function standBefore(body: Buffer, head: Record<string, string>): Promise<ProxyStand> {
  server = createServer((request, response) => {
    request
      .resume()
      .on("end", () => response.writeHead(200, { "content-type": "application/json", ...head }).end(body));
  });
  await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
  stand = await proxyStand({
    upstream: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    settings: { proxy: { silenceTimeoutMs: 1_000 } },
    quotas: { maxTokensPerMonth: 5_000 },
  });
  return stand;
}

const request = { model: "m", max_completion_tokens: 100, messages: [] };

describe("a client that reads slowly", () => {
  it.each([
    ["as it is", whole, {}],
    ["compressed a thousandfold", gzipSync(whole), { "content-encoding": "gzip" }],
  ])("holds no more than a piece of an answer that comes %s in memory", async (_, body, head) => {
    const { origin, key, server: proxy, quota } = await standBefore(body, head);
    const connected = once(proxy, "connection");
    const socket = connect(Number(new URL(origin).port), "127.0.0.1").pause();
    const asked = JSON.stringify(request);
    const lines = ["POST /proxy/openai/v1/chat/completions HTTP/1.1", "host: x", `authorization: Bearer ${key}`];
    socket.write(`${lines.join("\r\n")}\r\nconnection: close\r\ncontent-length: ${asked.length}\r\n\r\n${asked}`);
    const [connection] = (await connected) as [Socket];
    let most = 0;
    for (let waited = 0; waited < 1_000; waited += 20) {
      await sleep(20);
      most = Math.max(most, connection.writableLength);
    }
    expect(connection.bytesWritten).toBeGreaterThan(0);
    expect(most).toBeLessThan(2 * megabyte);
    let received = 0;
    for await (const piece of socket) received += (piece as Buffer).length;
    expect(received).toBeGreaterThan(whole.length);
    expect(await quota("maxTokensPerMonth", 5_000)).toMatchObject({ used: 7, reserved: 0 });
  });

  it.each(["origin", "fetchOrigin"] as const)("is no silence of the provider's (%s)", async (transport) => {
    const { key, quota, ...origins } = await standBefore(whole, {});
    const response = await fetch(`${origins[transport]}/proxy/openai/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify(request),
    });
    const reader = response.body!.getReader();
    let received = (await reader.read()).value!.length;
    await sleep(2_500);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      received += value.length;
    }
    expect(received).toBe(whole.length);
    expect(await quota("maxTokensPerMonth", 5_000)).toMatchObject({ used: 7, reserved: 0 });
  });
});
