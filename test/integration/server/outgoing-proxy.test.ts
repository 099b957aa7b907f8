import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ForwardProxy, startForwardProxy } from "../../forward-proxy.ts";
import { meteredCall } from "../../metered-agent.ts";
import { makePrivateCa, startTlsFront } from "../../private-ca.ts";
import { runBundle } from "../../run-bundle.ts";
import { adminClient, adminToken, keyedClient, makeStateDir, startServerProcess, token } from "../../server-process.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

/** Known to nobody but the proxy, and certified by a CA of which no Node knows. */
const name = "provider.test";
let directory: string;
let stateDir: string;
let caFile: string;
let upstream: SampleUpstream;
let front: Awaited<ReturnType<typeof startTlsFront>>;
let proxy: ForwardProxy;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "private-ca-"));
  stateDir = await makeStateDir();
  const { caFile: file, ...secrets } = makePrivateCa(directory, name);
  caFile = file;
  upstream = await startSampleUpstream();
  front = await startTlsFront(upstream.origin, secrets);
  proxy = await startForwardProxy({ to: front.origin, user: "agents:secret-of-the-proxy" });
});
afterAll(async () => {
  await proxy.close();
  await front.close();
  await upstream.close();
  for (const path of [directory, stateDir]) rmSync(path, { recursive: true, force: true });
});

it("verification, the command line and metered calls go by way of HTTPS_PROXY, under a CA of NODE_EXTRA_CA_CERTS", async () => {
  const env = { HTTPS_PROXY: proxy.url, NODE_EXTRA_CA_CERTS: caFile };
  const server = await startServerProcess(stateDir, env);
  const provider = await adminClient(server.origin).aiProviders.add({
    provider: "anthropic",
    name: "Behind a proxy",
    key: "sk-ant-not-a-real-key-0000",
    baseUrl: `https://${name}`,
  });
  expect(proxy.seen).toEqual([`CONNECT ${name}:443`]);
  const { client } = await keyedClient(server.origin, { aiProviderKeyId: provider.id });
  const { aiKey } = await client.agents.create({
    name: "far",
    autoProvisionAiKey: { provider: "anthropic" },
    revealAiKey: true,
  });
  expect(await meteredCall(server.origin, aiKey!.key!)).toBe(200);
  expect(proxy.seen).toEqual([`CONNECT ${name}:443`, `CONNECT ${name}:443`]);
  expect(upstream.seen.at(-1)?.headers.host).toBe(name);
  expect(server.output()).toBe("");

  const toServer = await startForwardProxy({ to: server.origin });
  const cli = { ...env, HTTP_PROXY: toServer.url, OPENCLAW_GATEWAY_TOKEN: token, OPENCLAW_ADMIN_TOKEN: adminToken };
  const listed = await runBundle(["provisioning", "agents", "list", "--url", "http://control.test"], cli);
  expect(listed).toMatchObject({ exitCode: 0, stderr: "" });
  expect(listed.stdout).toContain("far");
  expect(toServer.seen[0]).toMatch(/^GET http:\/\/control\.test\//);
  await toServer.close();
  await server.stop();
});

it("a wrong proxy stops the start, by the variable's name and without its password", async () => {
  const failed = startServerProcess(stateDir, { HTTPS_PROXY: "socks5://me:secret@proxy:1080" });
  await expect(failed).rejects.toThrow(/HTTPS_PROXY is "socks5:\/\/\.\.\.@proxy:1080"; it must be a proxy's URL/);
});
