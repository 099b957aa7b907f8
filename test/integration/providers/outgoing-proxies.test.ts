import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { createOutgoingFetch, outgoingProxies } from "../../../adapters/node/outgoing-proxies.ts";
import { verifyMasterKey } from "../../../src/providers/verify.ts";
import { SettingsError } from "../../../src/settings/settings-error.ts";
import { startForwardProxy } from "../../forward-proxy.ts";
import { freePort } from "../../free-port.ts";
import { makePrivateCa, startTlsFront } from "../../private-ca.ts";
import { proxyStand } from "../../proxy-stand.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

/** Known to nobody but the proxy. */
const name = "provider.test";
const user = "agents:p@ss/word";
let directory: string;
let upstream: SampleUpstream;
let front: Awaited<ReturnType<typeof startTlsFront>>;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "private-ca-"));
  upstream = await startSampleUpstream();
  front = await startTlsFront(upstream.origin, makePrivateCa(directory, name));
});
afterAll(async () => {
  await front.close();
  await upstream.close();
  rmSync(directory, { recursive: true });
});

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closers.splice(0).reverse()) await close();
});

async function forwardProxy(options: Parameters<typeof startForwardProxy>[0]) {
  const proxy = await startForwardProxy(options);
  closers.push(proxy.close);
  return proxy;
}

/** One metered call to `origin` with these variables set. */
async function metered(origin: string, env: Record<string, string>, headers: Record<string, string> = {}) {
  for (const [variable, value] of Object.entries(env)) vi.stubEnv(variable, value);
  const stand = await proxyStand({ kind: "openai", upstream: origin, quotas: { maxTokensPerDay: 100_000 } });
  closers.push(stand.close);
  const response = await fetch(`${stand.baseUrl}/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${stand.key}`, "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: "gpt-5", messages: [{ role: "user", content: "hi" }], stream: true, max_tokens: 9 }),
  });
  const text = await response.text();
  const { used, reserved } = await stand.quota("maxTokensPerDay");
  return { status: response.status, text, charged: used + reserved, logs: JSON.stringify(stand.logs) };
}

describe("a metered call", () => {
  it("goes by way of HTTP_PROXY, with its user", async () => {
    const proxy = await forwardProxy({ to: upstream.origin, user });
    upstream.seen.length = 0;
    const { status, text } = await metered(`http://${name}`, { HTTP_PROXY: proxy.url }, { "x-title": "once" });
    expect(status).toBe(200);
    expect(text).toContain("[DONE]");
    expect(proxy.seen).toEqual([`POST http://${name}/v1/chat/completions`]);
    expect(upstream.seen[0]?.headers).toMatchObject({ host: name, "x-title": "once" });
  });

  it.each([
    ["as a name", "127.0.0.1"],
    ["with a port", ""],
  ])("goes past it to what NO_PROXY names, %s", async (_, given) => {
    const proxy = await forwardProxy({ to: upstream.origin });
    const noProxy = given === "" ? new URL(upstream.origin).host : given;
    const { status } = await metered(upstream.origin, { http_proxy: proxy.url, NO_PROXY: `example.org, ${noProxy}` });
    expect(status).toBe(200);
    expect(proxy.seen).toEqual([]);
  });

  it("whose proxy asks for a password is not charged, and the log names the variable, without the password", async () => {
    const proxy = await forwardProxy({ to: front.origin, user });
    const wrong = proxy.url.replace(/\/\/.*@/, "//agents:wrong-pass@");
    for (const [origin, variable] of [
      [`https://${name}`, "HTTPS_PROXY"],
      [`http://${name}`, "HTTP_PROXY"],
    ] as const) {
      const { status, charged, logs } = await metered(origin, { [variable]: wrong });
      expect(status).toBe(502);
      expect(charged).toBe(0);
      expect(logs).toMatch(
        new RegExp(`${variable} names http://\\.\\.\\.@127\\.0\\.0\\.1:\\d+/, which asks for a user`),
      );
      expect(logs).not.toContain("wrong-pass");
      vi.unstubAllEnvs();
    }
    expect(proxy.seen.length).toBe(2);
  });

  it("whose proxy is away, or refuses, is not charged, and the log says how to go past it", async () => {
    const away = await metered(`https://${name}`, { HTTPS_PROXY: `127.0.0.1:${await freePort()}` });
    expect(away).toMatchObject({ status: 502, charged: 0 });
    expect(away.logs).toMatch(
      /HTTPS_PROXY names http:.*cannot be reached: correct it, or name provider\.test in NO_PROXY/,
    );
    const proxy = await forwardProxy({ to: front.origin, refuse: 403 });
    const refused = await metered(`https://${name}`, { HTTPS_PROXY: proxy.url });
    expect(refused).toMatchObject({ status: 502, charged: 0 });
    expect(refused.logs).toMatch(/HTTPS_PROXY names http:.*refuses the connection \(HTTP 403\).*NO_PROXY/);
  });

  it("to a certificate of an unknown CA is not charged, and the log names NODE_EXTRA_CA_CERTS", async () => {
    const proxy = await forwardProxy({ to: front.origin });
    for (const [origin, env] of [
      [`https://${name}`, { HTTPS_PROXY: proxy.url }],
      [front.origin, {}],
    ] as const) {
      const { status, charged, logs } = await metered(origin, env);
      expect(status).toBe(502);
      expect(charged).toBe(0);
      expect(logs).toMatch(/CA that signed the certificate in NODE_EXTRA_CA_CERTS/);
      vi.unstubAllEnvs();
    }
  });
});

describe("every other call", () => {
  it("goes by way of the proxy too, as fetch takes it", async () => {
    const proxy = await forwardProxy({ to: upstream.origin });
    const fetch = createOutgoingFetch(outgoingProxies({ http_proxy: proxy.url }), () => {});
    upstream.seen.length = 0;
    const init = { method: "POST", headers: { "x-api-key": "k" }, body: '{"a":1}', redirect: "manual" } as const;
    expect((await fetch(`http://${name}/one`, init)).status).toBe(200);
    expect((await fetch(new Request(`http://${name}/two`, init))).status).toBe(200);
    expect(proxy.seen).toEqual([`POST http://${name}/one`, `POST http://${name}/two`]);
    expect(upstream.seen.map(({ body, headers }) => [body, headers["x-api-key"]])).toEqual([
      ['{"a":1}', "k"],
      ['{"a":1}', "k"],
    ]);
  });

  it("that fails for want of a setting tells of it, and fails as before", async () => {
    const told: { origin: string; remedy: string }[] = [];
    const proxies = outgoingProxies({ HTTPS_PROXY: `http://me:secret@127.0.0.1:${await freePort()}` });
    const fetch = createOutgoingFetch(proxies, (failure) => told.push(failure));
    await expect(fetch(`https://${name}/`)).rejects.toThrow("fetch failed");
    await expect(createOutgoingFetch(undefined, (failure) => told.push(failure))(front.origin)).rejects.toThrow();
    await expect(
      createOutgoingFetch(undefined, (failure) => told.push(failure))("http://127.0.0.1:9"),
    ).rejects.toThrow();
    expect(told.map(({ origin }) => origin)).toEqual([`https://${name}`, front.origin]);
    expect(told[0]?.remedy).toMatch(/HTTPS_PROXY names http:\/\/\.\.\.@/);
    expect(told[1]?.remedy).toMatch(/NODE_EXTRA_CA_CERTS/);
    expect(JSON.stringify(told)).not.toContain("secret");
  });
});

it("an AI provider that cannot be verified for want of a setting is refused with that setting's name", async () => {
  const provider = { kind: "anthropic", baseUrl: front.origin, key: "sk-ant-not-a-real-key-0000" } as const;
  const verified = await verifyMasterKey(provider, { fetch: createOutgoingFetch(undefined, () => {}) });
  expect(verified).toEqual({
    outcome: "unreachable",
    message: expect.stringMatching(/could not be reached \([A-Z_]+\): name the file .* in NODE_EXTRA_CA_CERTS/),
  });
});

describe("the variables", () => {
  it.each([
    [{}, undefined],
    [{ HTTPS_PROXY: " ", http_proxy: "" }, undefined],
    [{ HTTPS_PROXY: "proxy.example.org:3128" }, { httpsProxy: "http://proxy.example.org:3128/" }],
    [
      { https_proxy: "http://[2001:db8::1]:3128", HTTPS_PROXY: "http://other" },
      { httpsProxy: "http://[2001:db8::1]:3128/" },
    ],
    [
      { HTTP_PROXY: "https://proxy:1", no_proxy: ".corp" },
      { httpProxy: "https://proxy:1/", noProxy: ".corp" },
    ],
    [{ HTTP_PROXY: "proxy:1", no_proxy: "", NO_PROXY: ".corp" }, { noProxy: ".corp" }],
  ])("%j", (env, expected) => {
    if (expected === undefined) expect(outgoingProxies(env)).toBeUndefined();
    else expect(outgoingProxies(env)).toMatchObject(expected);
  });

  it.each(["socks5://proxy:1080", "http://", "http://me:secret@:80", "::"])("%s stops the start", (value) => {
    expect(() => outgoingProxies({ HTTPS_PROXY: value })).toThrow(SettingsError);
    expect(() => outgoingProxies({ HTTPS_PROXY: value })).toThrow(/^HTTPS_PROXY is /);
    expect(() => outgoingProxies({ HTTPS_PROXY: value })).not.toThrow(/secret/);
  });
});
