import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeAnswer } from "../../../adapters/node/proxy/client-answer.ts";
import { type PlainServer, servePlain } from "../../../adapters/node/proxy/plain-server.ts";
import { readBody } from "../../../adapters/node/proxy/read-body.ts";
import { rawConnection, statusesIn } from "../../raw-http.ts";

const head = (length: number) => `POST /proxy/a HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;

describe.each(["on the socket", "through node:http"])("a connection %s", (way) => {
  const options = {
    keepAliveTimeout: 500,
    headersTimeout: 1_000,
    requestTimeout: 1_000,
    connectionsCheckingInterval: 200,
  };
  const answered = ["content-type", "text/plain"];
  const server = createServer(options, async (request, response) => {
    const { outcome } = await readBody(
      request.on("error", () => {}),
      () => undefined,
      60_000,
      undefined,
    );
    if (outcome === "read") nodeAnswer(response).whole(200, answered, "");
  });
  let plain: PlainServer | undefined;
  let origin: string;
  let isEnding = false;
  let served = 0;
  beforeAll(async () => {
    if (way === "on the socket") {
      plain = servePlain(
        server,
        async (exchange) => {
          served++;
          const { outcome } = await exchange.body(() => undefined, 60_000, undefined);
          if (outcome === "read") exchange.whole(200, answered, "");
        },
        () => isEnding,
      );
    }
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    plain?.closeAll();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(served > 0).toBe(plain !== undefined);
  });

  it("ends without a word once no request has followed for as long as it says", async () => {
    const { send, received } = await rawConnection(origin);
    await send(head(0));
    const text = await received(15_000);
    expect(statusesIn(text)).toEqual([200]);
    expect(text.toLowerCase()).toContain("\r\nkeep-alive: timeout=0\r\n");
  });

  it("ends with 408 where nothing comes at all, half a head or half a body", async () => {
    const parts = ["", head(9).slice(0, 30), `${head(9)}half`];
    const answers = parts.map(async (part) => {
      const { send, received } = await rawConnection(origin);
      await send(part);
      return [part, statusesIn(await received(15_000))];
    });
    expect(await Promise.all(answers)).toEqual(parts.map((part) => [part, [408]]));
  }, 60_000);

  if (way !== "on the socket") return;

  it("ends with the answer at the stop, or at once where it waits", async () => {
    const [waiting, busy] = [await rawConnection(origin), await rawConnection(origin)];
    await waiting.send(head(0));
    await new Promise((resolve) => waiting.socket.once("data", resolve));
    await busy.send(`${head(2)}a`);
    await expect.poll(() => plain!.isUnderWay()).toBe(true);
    isEnding = true;
    plain!.closeIdle();
    await expect.poll(() => waiting.socket.destroyed, { timeout: 5_000 }).toBe(true);
    await busy.send("b");
    const text = await busy.received();
    expect(statusesIn(text)).toEqual([200]);
    expect(text).toContain("\r\nconnection: close\r\n");
    expect(plain!.isUnderWay()).toBe(false);
    isEnding = false;
  });
});
