import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, constants, createZstdCompress, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ProxyStand, proxyStand, type Transport } from "../../proxy-stand.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

let upstream: SampleUpstream;
beforeAll(async () => {
  upstream = await startSampleUpstream();
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.behave("reset");
  upstream.seen.length = 0;
});

const body = JSON.stringify({ model: "gpt-5", max_tokens: 9, messages: [{ role: "user", content: "hello" }] });
const page = "https://chat.example.org";

describe.each<Transport>(["node", "fetch"])("over %s", (transport) => {
  let stand: ProxyStand;
  beforeEach(() => () => stand.close());
  const open = async (proxy: Record<string, unknown>) => {
    stand = await proxyStand({ upstream: upstream.origin, settings: { proxy } });
  };
  async function ask(init: RequestInit = {}) {
    const response = await stand.fetchBy(transport)("/proxy/openai/v1/chat/completions", {
      method: "POST",
      ...((init.method ?? "POST") === "POST" && { body }),
      ...init,
      headers: { authorization: `Bearer ${stand.key}`, ...init.headers },
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }
  const allowed = ({ headers }: { headers: Headers }) => headers.get("access-control-allow-origin");
  const preflight = {
    method: "OPTIONS",
    headers: {
      origin: page,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization, content-type",
    },
  };

  it("lets no page of a browser read an answer unless the operator says so", async () => {
    await open({});
    expect(allowed(await ask({ headers: { origin: page } }))).toBeNull();
    expect(await ask(preflight)).toMatchObject({ status: 403 });
  });

  it("lets pages of the named origins read answers and refusals, and no others", async () => {
    await open({ corsOrigins: [page] });
    const before = await ask({ ...preflight, headers: { ...preflight.headers, authorization: "" } });
    expect([before.status, allowed(before)]).toEqual([204, page]);
    expect(before.headers.get("access-control-allow-headers")).toBe("authorization, content-type");
    expect(before.headers.get("access-control-allow-methods")).toBe("GET, POST");
    const fromPage = { headers: { origin: page } };
    const answer = await ask(fromPage);
    expect([answer.status, allowed(answer), answer.headers.get("vary")]).toEqual([200, page, "origin"]);
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
    expect(allowed(await ask({ headers: { origin: page, authorization: "Bearer nothing" } }))).toBe(page);
    upstream.behave({ cut: "before headers" });
    const broken = await ask(fromPage);
    expect([broken.status, allowed(broken)]).toEqual([502, page]);
    upstream.behave("reset");
    upstream.behave({ status: 401 });
    const refused = await ask(fromPage);
    expect([refused.status, allowed(refused)]).toEqual([502, page]);
    upstream.behave("reset");
    for (const origin of ["https://evil.example", `${page}.evil.example`, "null"]) {
      expect(allowed(await ask({ headers: { origin } }))).toBeNull();
      expect((await ask({ ...preflight, headers: { ...preflight.headers, origin } })).status).toBe(403);
    }
    expect(allowed(await ask())).toBeNull();
  });

  it("lets every page read where the operator says so", async () => {
    await open({ corsOrigins: ["*"] });
    expect(allowed(await ask({ headers: { origin: "https://anything.example" } }))).toBe("*");
  });

  it.each([
    ["gzip", gzipSync],
    ["x-gzip", gzipSync],
    ["deflate", deflateSync],
    ["br", brotliCompressSync],
  ] as const)("reads a body in %s", async (encoding, compress) => {
    await open({});
    const answer = await ask({ body: new Uint8Array(compress(body)), headers: { "content-encoding": encoding } });
    expect([answer.status, upstream.seen[0]!.body, upstream.seen[0]!.headers["content-encoding"]]).toEqual([
      200,
      body,
      undefined,
    ]);
  });

  it("reads a body in zstd on Node, and names the remedy elsewhere", async () => {
    await open({});
    const answer = await ask({
      body: new Uint8Array(zstdCompressSync(body)),
      headers: { "content-encoding": "zstd" },
    });
    if (transport === "node") expect([answer.status, upstream.seen[0]!.body]).toEqual([200, body]);
    else expect([answer.status, answer.text]).toEqual([415, expect.stringContaining("or in gzip")]);
  });

  it("refuses what a compressed body hides, is not, or is packed in", async () => {
    await open({ maxBodyBytes: 100_000 });
    const packed = (bytes: Uint8Array, encoding: string) =>
      ask({ body: new Uint8Array(bytes), headers: { "content-encoding": encoding } });
    const bomb = gzipSync(body.replace("hello", "x".repeat(50_000_000)));
    expect(bomb.length).toBeLessThan(100_000);
    expect((await packed(bomb, "gzip")).status).toBe(413);
    expect((await packed(Buffer.from(body), "gzip")).status).toBe(400);
    expect((await packed(gzipSync(body).subarray(0, 30), "gzip")).status).toBe(400);
    if (transport === "node") {
      // Codex packs in zstd where it is told to.
      const bomb = zstdCompressSync(body.replace("hello", "x".repeat(50_000_000)));
      expect((await packed(bomb, "zstd")).status).toBe(413);
      expect((await packed(zstdCompressSync(body).subarray(0, 30), "zstd")).status).toBe(400);
      expect((await packed(Buffer.from(body), "zstd")).status).toBe(400);
      // Its window alone would be 64 MiB of memory, for a body of a few bytes.
      const wide = await zstdOfWindow(26, body);
      expect((await packed(wide, "zstd")).status).toBe(400);
    }
    for (const encoding of ["compress", "gzip, gzip", "constructor"]) {
      const answer = await packed(gzipSync(body), encoding);
      expect([answer.status, answer.headers.get("x-should-retry")]).toEqual([415, "false"]);
    }
    expect(upstream.seen).toHaveLength(0);
    expect((await ask()).status).toBe(200);
  });
});

/** As it is told when the length is not known yet. */
async function zstdOfWindow(log: number, text: string): Promise<Buffer> {
  const encoder = createZstdCompress({ params: { [constants.ZSTD_c_windowLog]: log } });
  encoder.write(text.slice(0, 9));
  await new Promise<void>((resolve) => encoder.flush(() => resolve()));
  encoder.end(text.slice(9));
  return Buffer.concat(await encoder.toArray());
}

it("takes 64 KB of an upstream's headers", async () => {
  const wordy = createServer((_, response) => {
    const padding = Array.from({ length: 15 }, (__, at) => [`x-padding-${at}`, "x".repeat(4_000)]).flat();
    response.writeHead(200, ["content-type", "application/json", ...padding]);
    response.end(JSON.stringify({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 } }));
  });
  await new Promise<void>((resolve) => wordy.listen(0, "127.0.0.1", resolve));
  const stand = await proxyStand({ upstream: `http://127.0.0.1:${(wordy.address() as AddressInfo).port}` });
  const init = { method: "POST", headers: { authorization: `Bearer ${stand.key}` }, body };
  const response = await fetch(`${stand.origin}/proxy/openai/v1/chat/completions`, init);
  await response.text();
  await stand.close();
  wordy.close();
  expect(response.status).toBe(200);
});
