import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startDevServer } from "../../adapters/dev/dev-server.ts";

let stateDir: string;
beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openclaw-dev-"));
  const config =
    '{ // with a comment\n "gateway": { "provisioning": { "allowDelete": true, "host": { "kind": "directory" } } }, }';
  await writeFile(join(stateDir, "config.json"), config, { mode: 0o600 });
});
afterAll(() => rm(stateDir, { recursive: true, force: true }));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

it("prints a line that works as pasted, and goes on where it stopped", async () => {
  const port = await freePort();
  const first = await startDevServer({ OPENCLAW_STATE_DIR: stateDir }, { port });
  const { secrets } = first;
  try {
    const line = /^curl [\s\S]*?'\{.*\}'$/m.exec(first.greeting)![0];
    const { stdout } = await promisify(execFile)("sh", ["-c", line]);
    expect(JSON.parse(stdout)).toMatchObject({ agentId: "my-agent", model: "claude-sonnet-3.5" });
  } finally {
    await first.close();
  }
  expect((await stat(join(stateDir, "dev"))).mode & 0o777).toBe(0o700);
  expect((await stat(join(stateDir, "dev", "dev.env"))).mode & 0o777).toBe(0o600);

  const second = await startDevServer({ OPENCLAW_STATE_DIR: stateDir }, { port });
  try {
    expect(second.secrets).toEqual(secrets);
    const call = (method: string) =>
      fetch(`${second.origin}/api/v1/agents/my-agent`, {
        method,
        headers: {
          authorization: `Bearer ${secrets.OPENCLAW_GATEWAY_TOKEN}`,
          "x-agent-provisioning-key": secrets.AGENT_PROVISIONING_KEY,
        },
      });
    expect(await (await call("GET")).json()).toMatchObject({ agentId: "my-agent" });
    expect((await call("DELETE")).status).toBe(200);
  } finally {
    await second.close();
  }
}, 60_000);

it("keeps no secret that it refuses", async () => {
  const file = join(stateDir, "dev", "dev.env");
  const before = await readFile(file, "utf8").catch(() => "none");
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_ADMIN_TOKEN: "short" };
  await expect(startDevServer(env, { port: 0 })).rejects.toThrow(/^OPENCLAW_ADMIN_TOKEN is shorter/);
  expect(await readFile(file, "utf8").catch(() => "none")).toBe(before);
});

it("takes any port for 0, and hands that out", async () => {
  const server = await startDevServer({ OPENCLAW_STATE_DIR: stateDir }, { port: 0 });
  try {
    const { port } = new URL(server.origin);
    expect(Number(port)).toBeGreaterThan(0);
    expect(server.greeting).toContain(`127.0.0.1:${port}/`);
    const call = async (path: string, key: string, body: object) =>
      await (
        await fetch(`${server.origin}/api/v1${path}`, {
          method: "POST",
          headers: {
            authorization: `Bearer ${server.secrets.OPENCLAW_GATEWAY_TOKEN}`,
            "x-agent-provisioning-key": key,
          },
          body: JSON.stringify(body),
        })
      ).json();
    const admin = server.secrets.OPENCLAW_ADMIN_TOKEN;
    const master = { provider: "anthropic", name: "M", key: "sk-test-not-a-real-key", verify: false };
    const { id } = await call("/provisioning/ai-providers", admin, master);
    const linked = { name: "linked", scopes: ["agents:create"], aiProviderKeyId: id };
    const { key } = await call("/provisioning/agent-keys", admin, linked);
    const agent = { name: "reaches-us", autoProvisionAiKey: { provider: "anthropic" } };
    const { aiKey } = await call("/agents/create", key, agent);
    expect(aiKey.baseUrl).toBe(`${server.origin}/proxy/anthropic`);
  } finally {
    await server.close();
  }
});

it("says in one line that its port is taken", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as { port: number };
  await expect(startDevServer({ OPENCLAW_STATE_DIR: stateDir }, { port })).rejects.toThrow(
    `cannot listen on port ${port} (EADDRINUSE): choose another with --port`,
  );
  await new Promise((resolve) => other.close(resolve));
});

it("refuses a gateway token that may be guessed", async () => {
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "short" };
  await expect(startDevServer(env, { port: await freePort() })).rejects.toThrow(/shorter than 16 characters/);
});

it("takes its secrets from the environment", async () => {
  const token = "token-from-the-environment";
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: token };
  const server = await startDevServer(env, { port: await freePort() });
  try {
    const headers = { authorization: `Bearer ${token}` };
    expect((await fetch(`${server.origin}/api/v1/agents`, { headers })).status).toBe(200);
  } finally {
    await server.close();
  }
});
