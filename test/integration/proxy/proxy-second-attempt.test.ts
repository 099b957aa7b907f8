import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ProxyStand, proxyStand, type Transport } from "../../proxy-stand.ts";

/** A request that a provider has refused, and that is to be asked again where nobody listens any more. */

let upstream: Server;
let stand: ProxyStand;
beforeEach(async () => {
  upstream = createServer((request, response) => {
    request.resume().on("end", () => {
      upstream.close();
      response.writeHead(422, { "content-type": "application/json", connection: "close" });
      response.end(JSON.stringify({ error: { message: "stream_options: extra fields not permitted" } }));
    });
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const { port } = upstream.address() as AddressInfo;
  stand = await proxyStand({
    kind: "custom",
    upstream: `http://127.0.0.1:${port}`,
    quotas: { maxTokensPerMonth: 1_000_000 },
  });
});
afterEach(async () => {
  await stand.close();
  upstream.closeAllConnections();
});

describe.each<Transport>(["node", "fetch"])("over %s", (transport) => {
  it("costs nothing where the second attempt reaches nobody", async () => {
    const response = await stand.fetchBy(transport)("/proxy/custom/v1/chat/completions", {
      method: "POST",
      headers: { authorization: `Bearer ${stand.key}` },
      body: JSON.stringify({ model: "m", stream: true, max_tokens: 5_000, messages: [] }),
    });
    expect([response.status, await response.text()]).toEqual([502, expect.stringContaining("could not be reached")]);
    expect(await stand.quota("maxTokensPerMonth", 1_000_000)).toMatchObject({ used: 0, reserved: 0 });
  });
});
