import { chmodSync, chownSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Client } from "../../../src/client/client.ts";
import {
  adminClient,
  adminToken,
  keyedClient,
  makeStateDir,
  type ServerProcess,
  startServerProcess,
  token,
} from "../../server-process.ts";

let stateDir: string;
let server: ServerProcess;
let client: Client;
let key: string;
beforeAll(async () => {
  stateDir = await makeStateDir();
  server = await startServerProcess(stateDir);
  await adminClient(server.origin).aiProviders.add({
    provider: "anthropic",
    name: "Sample",
    key: "sk-ant-not-a-real-key-0000",
    verify: false,
  });
  ({ client, key } = await keyedClient(server.origin));
  await client.agents.create({ name: "kept" });
  await client.agents.create({ name: "later" });
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  rmSync(stateDir, { recursive: true, force: true });
});

async function ask(method: string, path: string, provisioningKey?: string, body?: unknown) {
  const response = await fetch(server.origin + path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(provisioningKey && { "x-agent-provisioning-key": provisioningKey }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as { code?: string; detail?: string } };
}
/** All files are looked at, though not at every single probe. */
const expectReadiness = (status: number) =>
  expect
    .poll(async () => (await fetch(`${server.origin}/readyz`)).status, { interval: 20, timeout: 3_000 })
    .toBe(status);

const uses: Record<string, () => ReturnType<typeof ask>> = {
  "keys.json": () => ask("GET", "/api/v1/provisioning/agent-keys", adminToken),
  "ai-providers.json": () => ask("GET", "/api/v1/provisioning/ai-providers", adminToken),
  "agents/kept.json": () => ask("GET", "/api/v1/agents/kept"),
  "agents/later.json": () => ask("GET", "/api/v1/agents/later"),
};
const harms: Record<string, (path: string) => void> = {
  "cut in the middle": (path) => writeFileSync(path, readFileSync(path, "utf8").slice(0, -20)),
  emptied: (path) => writeFileSync(path, ""),
  "of another shape": (path) => writeFileSync(path, '{"version":1,"keys":{"a":5},"agentId":7}'),
  "open to others": (path) => chmodSync(path, 0o644),
  ...(process.getuid?.() === 0 && { "another user's": (path: string) => chownSync(path, 12_345, 12_345) }),
};

it.each(Object.keys(uses).flatMap((file) => Object.keys(harms).map((harm) => [file, harm] as const)))(
  "%s %s under a running server: 503 on use and in /readyz, never less than there is; mended, all is as before",
  async (name, harm) => {
    const path = join(stateDir, "provisioning", name);
    const good = readFileSync(path, "utf8");
    const before = await uses[name]!();
    expect(before.status).toBe(200);
    harms[harm]!(path);
    const harmed = { text: readFileSync(path, "utf8"), mode: statSync(path).mode };
    try {
      await expectReadiness(503);
      const { status, body } = await uses[name]!();
      expect([status, body.code]).toEqual([503, "store_unreadable"]);
      expect(body.detail).not.toContain(stateDir);
      if (name === "keys.json") {
        // A key that cannot be looked up is neither right nor wrong.
        expect((await ask("POST", "/api/v1/agents/create", key, { name: "new" })).status).toBe(503);
      }
      if (name.startsWith("agents/")) {
        expect((await ask("GET", "/api/v1/agents")).status).toBe(503);
        expect((await ask("POST", "/api/v1/agents/create", key, { name: name.slice(7, -5) })).status).toBe(503);
      }
      expect({ text: readFileSync(path, "utf8"), mode: statSync(path).mode }).toEqual(harmed);
    } finally {
      if (process.getuid?.() === 0) chownSync(path, 0, 0);
      chmodSync(path, 0o600);
      writeFileSync(path, good);
    }
    await expectReadiness(200);
    expect(await uses[name]!()).toEqual(before);
  },
);

it("a trail that others can read takes nothing more: no change happens until it is mended", async () => {
  const path = join(stateDir, "provisioning", "audit.jsonl");
  chmodSync(path, 0o644);
  await expectReadiness(503);
  const { status, body } = await ask("POST", "/api/v1/agents/create", key, { name: "not-made" });
  expect([status, body.code]).toEqual([503, "audit_unwritable"]);
  chmodSync(path, 0o600);
  await expectReadiness(200);
  expect((await ask("GET", "/api/v1/agents/not-made")).status).toBe(404);
  await client.agents.create({ name: "not-made" });
  expect(await adminClient(server.origin).audit.verify()).toMatchObject({ ok: true });
});
