import { execFileSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unwritable } from "../../adapters/node/files/atomic-write.ts";
import { storeProblem } from "../../adapters/node/sqlite/sqlite-file.ts";
import type { Client } from "../../src/client/client.ts";
import { runBundle } from "../run-bundle.ts";
import {
  adminClient,
  adminToken,
  keyedClient,
  type ServerProcess,
  startServerProcess,
  token,
} from "../server-process.ts";

/** A disk of its own, where that is permitted. */
function smallDisk(): { path: string; remove(): void } | { reason: string } {
  const path = mkdtempSync(join(tmpdir(), "openclaw-full-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs", path], { stdio: "pipe" });
  } catch (error) {
    rmSync(path, { recursive: true });
    return { reason: String((error as { stderr?: Buffer }).stderr ?? error).trim() };
  }
  return {
    path,
    remove() {
      execFileSync("umount", ["--lazy", path]);
      rmSync(path, { recursive: true });
    },
  };
}

/** Takes whatever space is left, to the last byte. */
function fill(path: string): void {
  const descriptor = openSync(path, "w");
  try {
    for (const size of [65_536, 4096, 1]) {
      try {
        for (;;) writeSync(descriptor, Buffer.alloc(size));
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe("ENOSPC");
      }
    }
  } finally {
    closeSync(descriptor);
  }
}

const disk = smallDisk();
if ("reason" in disk) console.warn(`skipped, as no tmpfs can be mounted here: ${disk.reason}`);

describe.skipIf("reason" in disk)("a full disk under the whole server", () => {
  const { path: mount, remove } = disk as { path: string; remove(): void };
  const stateDir = join(mount, "state");
  const ballast = join(mount, "ballast");
  let server: ServerProcess;
  let client: Client;
  let key: string;

  beforeAll(async () => {
    execFileSync("mkdir", ["-m", "700", stateDir]);
    const provisioning = { enabled: true, allowDelete: true, rateLimitPerMinute: 100_000, maxAgentsPerKey: 100_000 };
    const config = { gateway: { provisioning }, logging: { level: "error" } };
    writeFileSync(join(stateDir, "config.json"), JSON.stringify(config), { mode: 0o600 });
    server = await startServerProcess(stateDir);
    const provider = await adminClient(server.origin).aiProviders.add({
      provider: "anthropic",
      name: "Sample",
      key: "sk-ant-not-a-real-key-0000",
      verify: false,
    });
    ({ client, key } = await keyedClient(server.origin, { aiProviderKeyId: provider.id }));
    await client.agents.create({ name: "before", bind: ["telegram:before"] });
  });
  afterAll(async () => {
    await server?.kill();
    remove();
  });

  const create = async (name: string) => {
    const response = await fetch(`${server.origin}/api/v1/agents/create`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "x-agent-provisioning-key": key },
      body: JSON.stringify({ name, bind: [`telegram:${name}`], autoProvisionAiKey: { provider: "anthropic" } }),
    });
    return { status: response.status, text: await response.text() };
  };
  const readiness = async () => {
    const response = await fetch(`${server.origin}/readyz`);
    return { status: response.status, text: await response.text() };
  };
  const traces = (name: string) =>
    readdirSync(stateDir, { recursive: true, encoding: "utf8" }).filter((path) => path.includes(name));

  it("is a 503 without a path, also for readiness; with space again all is as before, and nothing is half made", async () => {
    fill(ballast);
    const names = Array.from({ length: 8 }, (_, at) => `refused-${at}`);
    for (const { status, text } of await Promise.all(names.map(create))) {
      expect(status).toBe(503);
      expect(text).not.toContain(mount);
      expect(text).not.toMatch(/ENOSPC|SQLITE/);
      expect(JSON.parse(text)).toMatchObject({
        status: 503,
        code: expect.stringMatching(/_unwritable$|host_unavailable/),
      });
    }
    const { status, text } = await readiness();
    expect([status, text.includes(mount)]).toEqual([503, false]);
    // FULL, and IOERR_SHMSIZE, as whose opening a full disk shows.
    for (const errcode of [13, 4874]) {
      const cause = Object.assign(new Error("disk I/O error"), { errcode });
      const problem = storeProblem(join(stateDir, "provisioning", "ledger.sqlite"), cause);
      expect(problem).toMatchObject({ code: "store_unwritable", message: "There is no space left on the disk" });
    }
    const full = Object.assign(new Error("database or disk is full"), { errcode: 13 });
    expect(unwritable(full, "audit_unwritable").message).toBe("There is no space left on the disk");
    // Calls that need no writing still work.
    expect(await client.agents.get("before")).toMatchObject({ agentId: "before" });
    expect((await fetch(`${server.origin}/healthz`)).status).toBe(200);

    rmSync(ballast);
    await expect.poll(async () => (await readiness()).status, { timeout: 5_000 }).toBe(200);
    const { agents } = await client.agents.list();
    expect(agents.map(({ agentId }) => agentId)).toEqual(["before"]);
    for (const name of names) expect([name, traces(name)]).toEqual([name, []]);
    // No claim is stuck: neither name, nor binding, nor workspace.
    for (const name of names) expect([name, (await create(name)).status]).toEqual([name, 201]);
    expect(await client.agents.get("refused-0")).toMatchObject({ status: "ready", bindings: ["telegram:refused-0"] });
    expect(await adminClient(server.origin).audit.verify()).toMatchObject({ ok: true });
  });

  it("that fills up in the middle of creates leaves each of them whole or not there at all", async () => {
    const names = Array.from({ length: 60 }, (_, at) => `race-${at}`);
    const creating = names.map(create);
    await creating[3];
    fill(ballast);
    const answers = await Promise.all(creating);
    rmSync(ballast);
    for (const { status, text } of answers) expect([201, 503], text).toContain(status);
    const statuses = answers.map(({ status }) => status);
    expect(statuses).toContain(201);

    // A change that could not be undone on the full disk is undone before the next readiness after a restart, at the
    // latest.
    expect(await server.stop()).toBe(0);
    server = await startServerProcess(stateDir);
    for (const [at, name] of names.entries()) {
      if (statuses[at] === 201) {
        const agent = await fetch(`${server.origin}/api/v1/agents/${name}`, {
          headers: { authorization: `Bearer ${token}` },
        });
        expect([name, ((await agent.json()) as { status: string }).status]).toEqual([name, "ready"]);
      } else {
        expect([name, traces(`${name}.json`), existsSync(join(stateDir, `workspace-${name}`))]).toEqual([
          name,
          [],
          false,
        ]);
        expect([name, (await create(name)).status]).toEqual([name, 201]);
      }
    }
    expect(await adminClient(server.origin).audit.verify()).toMatchObject({ ok: true });
    const { exitCode, stdout } = await runBundle(["provisioning", "doctor", "--json"], {
      OPENCLAW_STATE_DIR: stateDir,
      OPENCLAW_GATEWAY_TOKEN: token,
    });
    expect([exitCode, JSON.parse(stdout)]).toMatchObject([0, { ok: true }]);
  });

  it("keeps no one from revoking once there is room, and refuses to pretend before", async () => {
    const [keyId] = (await adminClient(server.origin).agentKeys.list()).keys.map(({ id }) => id);
    const revoke = async () => {
      const response = await fetch(`${server.origin}/api/v1/provisioning/agent-keys/${keyId}/revoke`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "x-agent-provisioning-key": adminToken },
      });
      return response.status;
    };
    fill(ballast);
    expect(await revoke()).toBe(503);
    rmSync(ballast);
    expect(await revoke()).toBe(200);
    expect((await create("after-revoke")).status).toBe(401);
  });
});
