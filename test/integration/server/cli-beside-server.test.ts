import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createClient } from "../../../src/client/client.ts";
import { runBundle } from "../../run-bundle.ts";
import { makeStateDir, type ServerProcess, startServerProcess, token } from "../../server-process.ts";

let stateDir: string;
let server: ServerProcess;
beforeAll(async () => {
  stateDir = await makeStateDir();
  server = await startServerProcess(stateDir);
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  rmSync(stateDir, { recursive: true, force: true });
});

async function cli<T>(...args: string[]): Promise<T> {
  const { exitCode, stdout, stderr } = await runBundle(["provisioning", ...args, "--json"], {
    OPENCLAW_STATE_DIR: stateDir,
  });
  expect([exitCode, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout) as T;
}
const withKey = (provisioningKey?: string) => createClient({ url: server.origin, token, provisioningKey, retries: 0 });

it("what the command line makes the server knows at its next request, and what it revokes is over by then", async () => {
  const made = await cli<{ id: string; key: string }>(
    "agent-keys",
    "create",
    "--name",
    "CLI",
    "--scopes",
    "agents:create,agents:update",
  );
  await withKey(made.key).agents.create({ name: "by-server" });

  const agent = await cli<{ agentId: string }>("agents", "create", "--name", "by-cli");
  const { agents } = await withKey(made.key).agents.list();
  expect(agents.map(({ agentId }) => agentId)).toEqual(["by-cli", "by-server"]);
  expect(agent.agentId).toBe("by-cli");
  await expect(withKey(made.key).agents.create({ name: "by-cli" })).rejects.toMatchObject({ code: "agent_exists" });
  const listed = await cli<{ agents: { agentId: string }[] }>("agents", "list");
  expect(listed.agents.map(({ agentId }) => agentId)).toEqual(["by-cli", "by-server"]);

  const rotated = await cli<{ key: string }>("agent-keys", "rotate", made.id, "--grace", "0");
  await expect(withKey(made.key).agents.create({ name: "x" })).rejects.toMatchObject({
    code: "provisioning_key_invalid",
  });
  await withKey(rotated.key).agents.create({ name: "after-rotation" });

  const { keys } = await cli<{ keys: { id: string; uses: number; agents: number }[] }>("agent-keys", "list");
  expect(keys).toMatchObject([{ id: made.id, agents: 2 }]);
  expect(keys[0]!.uses).toBeGreaterThanOrEqual(3);

  await cli("agent-keys", "revoke", made.id);
  await expect(withKey(rotated.key).agents.create({ name: "x" })).rejects.toMatchObject({
    code: "provisioning_key_invalid",
  });
  await cli("agents", "delete", "by-cli");
  // A key that is sent with a read must be valid, since its reach counts; the gateway token alone needs none.
  await expect(withKey(rotated.key).agents.get("by-cli")).rejects.toMatchObject({ code: "provisioning_key_invalid" });
  await expect(withKey().agents.get("by-cli")).rejects.toMatchObject({ code: "agent_not_found" });
  expect(await cli("audit", "verify")).toMatchObject({ ok: true });
});

it("both may write at one time: no key is lost, and the trail stays whole", async () => {
  const names = Array.from({ length: 4 }, (_, at) => `at-once-${at}`);
  const byCli = names.map((name) =>
    cli<{ id: string }>("agent-keys", "create", "--name", name, "--scopes", "agents:create"),
  );
  const admin = createClient({ url: server.origin, token, provisioningKey: "test-admin-token" });
  const byServer = Array.from({ length: 20 }, (_, at) =>
    admin.agentKeys.create({ name: `server-${at}`, scopes: ["agents:create"] }),
  );
  const made = await Promise.all([...byCli, ...byServer]);
  const { keys } = await admin.agentKeys.list();
  expect(keys.map(({ id }) => id)).toEqual(expect.arrayContaining(made.map(({ id }) => id)));
  expect(await admin.audit.verify()).toMatchObject({ ok: true });
});
