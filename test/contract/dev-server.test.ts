import { execFile } from "node:child_process";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
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
    const call = (method: string, path: string) =>
      fetch(`${second.origin}/api/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${secrets.OPENCLAW_GATEWAY_TOKEN}`,
          "x-agent-provisioning-key": secrets.AGENT_PROVISIONING_KEY,
        },
      });
    expect(await (await call("GET", "/agents/my-agent")).json()).toMatchObject({ agentId: "my-agent" });
    expect((await call("DELETE", "/agents/my-agent")).status).toBe(200);
  } finally {
    await second.close();
  }
}, 60_000);

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
