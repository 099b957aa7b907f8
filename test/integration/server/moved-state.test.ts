import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { DoctorReport } from "../../../src/cli/doctor-report.ts";
import { runBundle } from "../../run-bundle.ts";
import { adminClient, keyedClient, makeStateDir, startServerProcess, token } from "../../server-process.ts";

let before: string;
let after: string;
beforeEach(async () => {
  before = await makeStateDir();
  after = join(mkdtempSync(join(tmpdir(), "openclaw-moved-")), "state");
  const server = await startServerProcess(before);
  const aiProvider = { provider: "anthropic", name: "Sample", key: "sk-ant-not-a-real-key-0000", verify: false };
  const { id } = await adminClient(server.origin).aiProviders.add(aiProvider);
  const { client } = await keyedClient(server.origin, { aiProviderKeyId: id });
  const autoProvisionAiKey = { provider: "anthropic" };
  await client.agents.create({ name: "plain", autoProvisionAiKey });
  const workspace = join(before, "workspaces", "team", "deep");
  await client.agents.create({ name: "deep", workspace, autoProvisionAiKey });
  await client.agents.create({ name: "kept", autoProvisionAiKey });
  expect(await server.stop()).toBe(0);
});
afterEach(() => {
  for (const path of [before, join(after, "..")]) rmSync(path, { recursive: true, force: true });
});

/** As a restore elsewhere does. */
function move(): void {
  execFileSync("cp", ["-a", before, after]);
  rmSync(before, { recursive: true });
}

it("what is stored names no place outside of itself", () => {
  const names = readdirSync(before, { recursive: true, encoding: "utf8" });
  for (const form of [/\/agent\.json$/, /provisioning\/agents\/\w+\.json$/]) {
    const found = names.filter((name) => form.test(name));
    expect([form, found.length]).not.toEqual([form, 0]);
    for (const name of found) expect(readFileSync(join(before, name), "utf8")).not.toContain(before);
  }
});

it("restored elsewhere, every agent is ready, and each change is made there", async () => {
  move();
  const server = await startServerProcess(after);
  try {
    const { client } = await keyedClient(server.origin);
    for (const [id, place] of [
      ["plain", "workspace-plain"],
      ["deep", "workspaces/team/deep"],
      ["kept", "workspace-kept"],
    ] as const) {
      const { status, workspace, agentDir } = await client.agents.get(id);
      expect([status, workspace, agentDir]).toEqual(["ready", join(after, place), join(after, "agents", id, "agent")]);
    }
    const taken = client.agents.create({ name: "thief", workspace: join(after, "workspaces", "team", "deep") });
    await expect(taken).rejects.toMatchObject({ code: "workspace_taken" });

    const { deleted } = await client.agents.delete("deep", { deleteWorkspace: true });
    expect(deleted).toContain("workspace");
    expect(existsSync(join(after, "workspaces"))).toBe(false);
    expect(existsSync(join(after, "workspace-kept"))).toBe(true);
    // Its claim is free again.
    await client.agents.create({ name: "heir", workspace: join(after, "workspaces", "team", "deep") });
    expect(existsSync(before)).toBe(false);
  } finally {
    await server.stop();
  }
});

it("doctor counts the agents whose workspace or directory did not come along", async () => {
  move();
  rmSync(join(after, "workspace-plain"), { recursive: true });
  rmSync(join(after, "agents", "kept", "agent"), { recursive: true });
  const env = { OPENCLAW_STATE_DIR: after, OPENCLAW_GATEWAY_TOKEN: token };
  const { exitCode, stdout } = await runBundle(["provisioning", "doctor", "--json"], env);
  expect(exitCode).toBe(1);
  expect((JSON.parse(stdout) as DoctorReport).checks.filter(({ status }) => status === "failed")).toMatchObject(
    [{ name: "workspaces", detail: expect.stringMatching(/of 2: kept, plain$/), remedy: /backup/ }].map((one) => ({
      ...one,
      remedy: expect.stringMatching(one.remedy),
    })),
  );
});

it("reads what an older release stored with whole paths", async () => {
  for (const name of ["agents/plain/agent.json", "provisioning/agents/plain.json"]) {
    const path = join(before, name);
    const text = readFileSync(path, "utf8").replaceAll(/"(workspace-plain|agents\/plain\/agent)"/g, `"${before}/$1"`);
    expect(text).toContain(before);
    writeFileSync(path, text);
  }
  const server = await startServerProcess(before);
  try {
    const { client } = await keyedClient(server.origin);
    expect(await client.agents.get("plain")).toMatchObject({
      status: "ready",
      workspace: join(before, "workspace-plain"),
    });
    const { deleted } = await client.agents.delete("plain", { deleteWorkspace: true });
    expect(deleted).toContain("workspace");
  } finally {
    await server.stop();
  }
});
