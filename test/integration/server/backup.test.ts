import { execFile, execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { createClient } from "../../../src/client/client.ts";
import { meteredCall, meteredClient } from "../../metered-agent.ts";
import { runBundle } from "../../run-bundle.ts";
import { adminClient, makeStateDir, startServerProcess, token } from "../../server-process.ts";
import { startSampleUpstream } from "../../upstream/sample-upstream.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

test("a copy made under load is whole elsewhere, once it has its seal key", async () => {
  const stateDir = await makeStateDir();
  const elsewhere = mkdtempSync(join(tmpdir(), "restored-"));
  closers.push(() => {
    for (const directory of [stateDir, elsewhere]) rmSync(directory, { recursive: true });
  });
  const server = await startServerProcess(stateDir);
  closers.push(() => server.stop());
  const key = (
    await runBundle(
      ["provisioning", "agent-keys", "create", "--name", "k", "--scopes", "agents:create", "--output-key-only"],
      { OPENCLAW_STATE_DIR: stateDir },
    )
  ).stdout.trim();
  const create = async (name: string) => {
    const answer = await fetch(`${server.origin}/api/v1/agents/create`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "x-agent-provisioning-key": key },
      body: JSON.stringify({ name }),
    });
    expect(answer.status).toBe(201);
  };
  await create("first");
  // Closed parts of the trail are kept elsewhere for good, and are in no copy.
  const closed = await runBundle(["provisioning", "audit", "rotate", "--json"], { OPENCLAW_STATE_DIR: stateDir });
  rmSync(join(stateDir, "provisioning", JSON.parse(closed.stdout).file));
  const notes = "workspace-first/provisioning/notes.sqlite.tmp";
  mkdirSync(dirname(join(stateDir, notes)));
  writeFileSync(join(stateDir, notes), "the agent's own");
  let copied = false;
  const load = (async () => {
    for (let count = 0; !copied; count++) await create(`under-load-${count}`);
  })();
  const env = { PATH: [dirname(process.execPath), process.env.PATH].join(delimiter), OPENCLAW_STATE_DIR: stateDir };
  const options = { encoding: "buffer", maxBuffer: 2 ** 28, env } as const;
  const { stdout: archive } = await promisify(execFile)("bash", ["deploy/backup.sh"], options);
  copied = true;
  await load;
  expect(readdirSync(stateDir).filter((name) => name.startsWith(".backup"))).toEqual([]);
  execFileSync("tar", ["-x", "-C", elsewhere], { input: archive });
  expect(existsSync(join(elsewhere, "provisioning/seal.key"))).toBe(false);
  cpSync(join(stateDir, "provisioning/seal.key"), join(elsewhere, "provisioning/seal.key"));

  const doctor = await runBundle(["provisioning", "doctor"], {
    OPENCLAW_STATE_DIR: elsewhere,
    OPENCLAW_GATEWAY_TOKEN: token,
  });
  // The create that was under way is in the copy as one that broke off, which a start settles.
  const faults = doctor.stdout.split("\n").filter((line) => /^(failed|warning(?! +prices))/.test(line));
  expect(faults.filter((line) => !/^failed +interrupted changes/.test(line))).toEqual([]);
  expect(doctor.stdout).toMatch(/^ok +audit trail .*chain whole/m);
  const records = readdirSync(join(elsewhere, "provisioning/agents"));
  expect(records).toContain("first.json");
  expect(existsSync(join(elsewhere, notes))).toBe(true);
  expect(readFileSync(join(elsewhere, "provisioning/keys.json"), "utf8")).not.toContain(key);
});

test("what changed between the copy of the counters and that of the records stays changed", async () => {
  const stateDir = await makeStateDir();
  const upstream = await startSampleUpstream();
  closers.push(
    () => rmSync(stateDir, { recursive: true }),
    () => upstream.close(),
  );
  let server = await startServerProcess(stateDir);
  closers.push(() => server.stop());
  const { client, aiProviderKeyId } = await meteredClient(server, upstream);
  const revoked = await adminClient(server.origin).agentKeys.create({ name: "revoked", scopes: ["agents:create"] });
  const make = async (name: string) =>
    (await client.agents.create({ name, revealAiKey: true, autoProvisionAiKey: { provider: "anthropic" } })).aiKey!
      .key!;
  const [before, suspended] = [await make("rotated"), await make("suspended")];
  const ledger = join(stateDir, "provisioning/ledger.sqlite");
  new DatabaseSync(ledger, { readOnly: true }).prepare("VACUUM INTO ?").run(`${ledger}.copy`);
  const { key: after } = (await client.agents.rotateAiKey("rotated", { graceSeconds: 0, revealAiKey: true })).aiKey;
  await client.agents.suspend("suspended");
  await adminClient(server.origin).agentKeys.revoke(revoked.id);
  await server.stop();
  for (const end of ["-wal", "-shm"]) rmSync(`${ledger}${end}`, { force: true });
  chmodSync(`${ledger}.copy`, 0o600);
  renameSync(`${ledger}.copy`, ledger);
  server = await startServerProcess(stateDir);

  const key = await meteredClient(server, upstream, { aiProviderKeyId });
  const calls = [before, after!, suspended].map((aiKey) => meteredCall(server.origin, aiKey));
  expect(await Promise.all(calls)).toEqual([401, 200, 400]);
  const { keys } = await adminClient(server.origin).agentKeys.list();
  expect(keys.find(({ id }) => id === revoked.id)).toMatchObject({ status: "revoked" });
  // And goes on from there.
  expect(await key.client.agents.resume("suspended")).toMatchObject({ status: "ready" });
  expect(await meteredCall(server.origin, suspended)).toBe(200);
});

test("an agent that is deleted between the two copies holds nothing in the restored one", async () => {
  const stateDir = await makeStateDir();
  const elsewhere = mkdtempSync(join(tmpdir(), "restored-"));
  closers.push(() => {
    for (const directory of [stateDir, elsewhere]) rmSync(directory, { recursive: true });
  });
  let server = await startServerProcess(stateDir);
  closers.push(() => server.stop());
  const scopes = ["agents:create", "agents:delete"] as const;
  const { key } = await adminClient(server.origin).agentKeys.create({ name: "k", scopes: [...scopes], maxAgents: 1 });
  const clientOf = () => createClient({ url: server.origin, token, provisioningKey: key, retries: 0 });
  await clientOf().agents.create({ name: "first", bind: ["telegram:one"] });
  // The records are copied by the first `tar`: it deletes the agent before it begins.
  const bin = join(elsewhere, "bin");
  mkdirSync(bin);
  const headers = [`authorization: Bearer ${token}`, `x-agent-provisioning-key: ${key}`];
  const fields = headers.map((header) => `-H '${header}'`).join(" ");
  const remove = `curl -fsS -X DELETE ${fields} ${server.origin}/api/v1/agents/first >/dev/null`;
  const first = `[ -e ${elsewhere}/done ] || { touch ${elsewhere}/done; ${remove}; }`;
  writeFileSync(join(bin, "tar"), `#!/bin/bash\n${first}\nexec /usr/bin/env -S PATH=/usr/bin:/bin tar "$@"\n`, {
    mode: 0o755,
  });
  const env = {
    PATH: [bin, dirname(process.execPath), process.env.PATH].join(delimiter),
    OPENCLAW_STATE_DIR: stateDir,
  };
  const options = { encoding: "buffer", maxBuffer: 2 ** 28, env } as const;
  const { stdout: archive } = await promisify(execFile)("bash", ["deploy/backup.sh"], options);
  await server.stop();
  const restored = join(elsewhere, "state");
  mkdirSync(restored, { mode: 0o700 });
  execFileSync("tar", ["-x", "-C", restored], { input: archive });
  cpSync(join(stateDir, "provisioning/seal.key"), join(restored, "provisioning/seal.key"));
  server = await startServerProcess(restored);
  expect((await clientOf().agents.create({ name: "first", bind: ["telegram:one"] })).agentId).toBe("first");
});

test("of a deployment on Redis the agents' directories are copied, for nothing else is there", async () => {
  const stateDir = mkdtempSync(join(tmpdir(), "on-redis-"));
  closers.push(() => rmSync(stateDir, { recursive: true }));
  for (const directory of ["provisioning", "agents/a1", "workspace-a1"])
    mkdirSync(join(stateDir, directory), { recursive: true });
  for (const file of ["provisioning/seal.key", "agents/a1/agent.json", "workspace-a1/SOUL.md"])
    writeFileSync(join(stateDir, file), "");
  const env = {
    PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
    OPENCLAW_STATE_DIR: stateDir,
    OPENCLAW_PROVISIONING_STORAGE: "redis://redis:6379/0",
  };
  const archive = execFileSync("bash", ["deploy/backup.sh"], { env });
  const names = execFileSync("tar", ["-t"], { input: archive, encoding: "utf8" }).trim().split("\n");
  expect(names.filter((name) => !name.endsWith("/"))).toEqual(["agents/a1/agent.json", "./workspace-a1/SOUL.md"]);
});
