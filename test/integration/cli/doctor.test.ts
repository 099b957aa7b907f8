import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { diagnose } from "../../../adapters/node/diagnose.ts";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import { createApp } from "../../../src/app.ts";
import type { DoctorReport } from "../../../src/cli/doctor-report.ts";
import { agentClaim } from "../../../src/storage/ledger-names.ts";
import { runHere } from "../../run-here.ts";
import { makeStateDir, token } from "../../server-process.ts";

let stateDir: string;
let env: Record<string, string>;
beforeEach(async () => {
  stateDir = await makeStateDir();
  env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: token };
  await within(async ({ call }) => {
    await call("POST", "/provisioning/agent-keys", { name: "first", scopes: ["agents:create"] });
    await call("POST", "/agents/create", { name: "whole" });
  });
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

/** Works on the files as a process of this service would, and leaves. */
async function within(
  work: (
    node: NodePorts & {
      call(method: string, path: string, body: unknown): Promise<void>;
      onboard(agentId: string, body: unknown): Promise<void>;
      revokeProvider(name: string): Promise<void>;
    },
  ) => Promise<void>,
): Promise<void> {
  const settings = readNodeSettings(env);
  const node = await openNode(settings, { env, log: () => {} });
  const app = createApp(node.ports, settings.settings);
  const call = async (method: string, path: string, body: unknown, status = 201) => {
    const request = new Request(`http://localhost/api/v1${path}`, { method, body: JSON.stringify(body) });
    expect((await app.fetchAsOperator(request)).status).toBe(status);
  };
  const onboard = (agentId: string, body: unknown) => call("POST", `/agents/${agentId}/onboard`, body, 200);
  const revokeProvider = async (name: string) => {
    const { items } = await node.ports.records.list("ai-providers");
    const { id } = items.find((item) => item.name === name)!;
    const request = new Request(`http://localhost/api/v1/provisioning/ai-providers/${id}/revoke`, { method: "POST" });
    expect((await app.fetchAsOperator(request)).status).toBe(200);
  };
  try {
    await work({ ...node, call, onboard, revokeProvider });
  } finally {
    await node.close();
  }
}

async function doctor(...args: string[]) {
  const { exitCode, stdout, stderr } = await runHere(["provisioning", "doctor", "--json", ...args], env);
  const report = JSON.parse(stdout) as DoctorReport;
  expect(exitCode).toBe(report.ok ? 0 : 1);
  expect(stderr).toMatch(report.ok ? /^$/ : /^error: failed: [^\n]+\n$/);
  // How old the prices are is for the calendar to say: see prices.test.ts.
  const found = report.checks.filter(({ name, status }) => status !== "ok" && name !== "prices");
  for (const { status, remedy } of found) if (status !== "fixed" && remedy !== undefined) expect(remedy).not.toBe("");
  return { ok: report.ok, checks: report.checks, found };
}
const file = (name: string) => join(stateDir, "provisioning", name);
const at = "2026-11-22T00:00:00.000Z";

describe("doctor", () => {
  it("knows that `npm start` switches provisioning on by itself", async () => {
    writeFileSync(join(stateDir, "config.json"), "{}", { mode: 0o600 });
    const settings = async () => (await diagnose(env, false)).checks.find(({ name }) => name === "settings");
    expect(await settings()).toMatchObject({ status: "warning", detail: "provisioning is switched off" });
    writeFileSync(join(stateDir, "dev.env"), "", { mode: 0o600 });
    expect(await settings()).toMatchObject({ status: "ok", detail: expect.stringContaining("`npm start` switches") });
    env.OPENCLAW_PROVISIONING_ENABLED = "false";
    expect(await settings()).toMatchObject({ status: "warning", detail: "provisioning is switched off" });
  });

  it("finds nothing wrong with what is well, and says what it looked at", async () => {
    const { ok, checks, found } = await doctor();
    expect([ok, found]).toEqual([true, []]);
    expect(checks.map(({ name }) => name)).toEqual([
      "settings",
      "files",
      "interrupted changes",
      "revocations",
      "orphans",
      "AI keys",
      "secrets",
      "prices",
      "webhooks",
      "gateways",
      "audit trail",
      "workspaces",
      "agent host",
    ]);
  });

  it("tells a key that may yet be minted from one that is known to live", async () => {
    const record = { aiProviderId: "gone", attempts: 1, createdAt: at };
    await within(async ({ ports: { records } }) => {
      const cutOff = { ...record, id: "r1", remoteId: "name:openclaw-late-op", agentId: "late", lastError: "none" };
      await records.set("revocations", "r1", { ...cutOff, unseen: true });
    });
    const { ok, found } = await doctor();
    expect([ok, found]).toMatchObject([true, [{ name: "revocations", status: "warning" }]]);
    expect(found[0]!.detail).toContain('shows none so far: "openclaw-late-op" for agent "late"');
    await within(async ({ ports: { records } }) => {
      await records.set("revocations", "r2", { ...record, id: "r2", remoteId: "r", agentId: "old", lastError: "down" });
    });
    expect((await doctor()).found).toMatchObject([
      { name: "revocations", status: "failed", detail: 'key of agent "old": down' },
      { name: "revocations", status: "warning" },
    ]);
  });

  it("says when provisioning is off, and when there is no token", async () => {
    env.OPENCLAW_PROVISIONING_ENABLED = "false";
    expect((await doctor()).found).toMatchObject(
      [{ name: "settings", status: "warning", remedy: /ENABLED=true/ }].map((one) => ({
        ...one,
        remedy: expect.stringMatching(one.remedy),
      })),
    );
    env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "" };
    expect((await doctor()).found).toMatchObject([
      { name: "settings", status: "warning", detail: expect.stringContaining("no gateway token") },
    ]);
  });

  it("says that a gateway token may be guessed, and how to make one", async () => {
    env.OPENCLAW_GATEWAY_TOKEN = "short";
    const [found] = (await doctor()).found;
    expect(found).toMatchObject({
      name: "settings",
      status: "failed",
      detail: expect.stringContaining("16 characters"),
    });
    expect(found?.remedy).toMatch(/openssl rand -hex 32/);
    expect(JSON.stringify(found)).not.toContain('"short"');
    // OpenClaw's own token does not stop its gateway.
    const { checks } = await diagnose(env, false, { ownsToken: false });
    const remedy = expect.stringContaining("gateway.auth.token");
    expect(checks[0]).toMatchObject({ name: "settings", status: "warning", remedy });
  });

  it("names a wrong setting", async () => {
    writeFileSync(join(stateDir, "config.json"), '{"gateway":{"provisioning":{"enabled":1}}}');
    const { ok, found } = await doctor();
    expect([ok, found]).toMatchObject([
      false,
      [{ name: "settings", status: "failed", detail: expect.stringContaining("enabled is 1") }],
    ]);
  });

  it("sees an agent's keys that others can read, and --fix takes them from them", async () => {
    const auth = { provider: "anthropic", credentials: { apiKey: "sk-test-not-a-real-key" } };
    await within(async ({ onboard }) => await onboard("whole", { steps: ["auth"], auth }));
    writeFileSync(join(stateDir, "agents", "stray-file"), "");
    const directory = join(stateDir, "agents", "whole", "agent");
    const profiles = join(directory, "auth-profiles.json");
    chmodSync(directory, 0o777);
    chmodSync(profiles, 0o644);
    expect((await doctor()).found).toMatchObject([
      { name: "files", status: "failed", detail: "agents/whole/agent is open to others (mode 0777)" },
      {
        name: "files",
        status: "failed",
        detail: "agents/whole/agent/auth-profiles.json is open to others (mode 0644)",
      },
    ]);
    await doctor("--fix");
    expect([statSync(directory).mode & 0o777, statSync(profiles).mode & 0o777]).toEqual([0o700, 0o600]);
    expect((await doctor()).ok).toBe(true);
  });

  it("sees a file that others can read, and --fix takes it from them", async () => {
    chmodSync(file("keys.json"), 0o644);
    chmodSync(file("agents"), 0o755);
    const { ok, found } = await doctor();
    expect(ok).toBe(false);
    expect(found).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          name: "files",
          status: "failed",
          detail: expect.stringContaining("keys.json is open to others (mode 0644)"),
          remedy: expect.stringContaining("chmod 600"),
        }),
        expect.objectContaining({
          name: "files",
          status: "failed",
          detail: expect.stringContaining("agents is open to others (mode 0755)"),
        }),
      ]),
    );
    expect(statSync(file("keys.json")).mode & 0o777).toBe(0o644);
    expect(await doctor("--fix")).toMatchObject({ ok: true, found: [{ status: "fixed" }, { status: "fixed" }] });
    expect(statSync(file("keys.json")).mode & 0o777).toBe(0o600);
    expect(statSync(file("agents")).mode & 0o777).toBe(0o700);
    expect(await doctor()).toMatchObject({ ok: true, found: [] });
  });

  it.each(["seal.key", "ledger.sqlite", "audit-head.sqlite", "audit.jsonl", "."])(
    "sees that others can read %s, and --fix takes it from them",
    async (name) => {
      const wanted = statSync(file(name)).mode & 0o777;
      chmodSync(file(name), wanted | 0o055);
      const { ok, found } = await doctor();
      expect(ok).toBe(false);
      expect(found[0]).toMatchObject({ name: "files", status: "failed", remedy: expect.stringContaining("chmod") });
      expect(found[0]!.detail).toContain(name === "." ? "provisioning is open to others" : `${name} is open to others`);
      expect(await doctor("--fix")).toMatchObject({ ok: true, found: [{ name: "files", status: "fixed" }] });
      expect(statSync(file(name)).mode & 0o777).toBe(wanted);
      expect(await doctor()).toMatchObject({ ok: true, found: [] });
    },
  );

  it("names a damaged file and leaves it as it is, also with --fix", async () => {
    writeFileSync(file("agents/whole.json"), "{");
    for (const args of [[], ["--fix"]]) {
      const { ok, found } = await doctor(...args);
      expect(ok).toBe(false);
      expect(found).toContainEqual(
        expect.objectContaining({
          name: "files",
          status: "failed",
          detail: expect.stringContaining("agents/whole.json is not valid JSON"),
          remedy: expect.stringContaining("backup"),
        }),
      );
    }
    expect(readFileSync(file("agents/whole.json"), "utf8")).toBe("{");
  });

  it.each(["locks", "homes", "workspaces", "audit-head"])(
    "names a lock that is none, and following the remedy mends it: %s.sqlite",
    async (name) => {
      writeFileSync(file(`${name}.sqlite`), "no database".repeat(99), { mode: 0o600 });
      const { found } = await doctor();
      expect(JSON.stringify(found)).toContain(`provisioning/${name}.sqlite is damaged`);
      expect(JSON.stringify(found)).toContain("stop the service and remove it; it is made anew");
      rmSync(file(`${name}.sqlite`));
      expect((await doctor()).found).toEqual([]);
    },
  );

  it("sees a creation that a dead process left, and --fix undoes it", async () => {
    const operationId = await interruptCreate();
    expect(existsSync(join(stateDir, "workspace-half"))).toBe(true);
    const { found } = await doctor();
    expect(found[0]).toMatchObject({
      name: "interrupted changes",
      status: "failed",
      remedy: expect.stringContaining("--fix"),
    });
    expect(await doctor("--fix")).toMatchObject({
      ok: true,
      found: [
        { name: "interrupted changes", status: "fixed", detail: expect.stringContaining('agent "half": undone') },
      ],
    });
    expect(existsSync(join(stateDir, "workspace-half"))).toBe(false);
    expect(existsSync(file("ai-keys/half-key.json"))).toBe(false);
    expect(await doctor()).toMatchObject({ ok: true, found: [] });
    await within(async ({ ports, call }) => {
      const { events } = await ports.audit.read({ limit: 5, filter: { target: "half" } });
      expect(events[0]).toMatchObject({ operationId, phase: "outcome", outcome: "failure", actor: "recovery" });
      await call("POST", "/agents/create", { name: "half" });
    });
  });

  it("says of a creation that --fix cannot undo yet that it is still left", async () => {
    await interruptCreate();
    const gateways = [{ id: "gw1", url: "http://127.0.0.1:9", token, key: "none" }];
    const provisioning = { enabled: true, host: { kind: "remote", gateways } };
    writeFileSync(join(stateDir, "config.json"), JSON.stringify({ gateway: { provisioning } }));
    for (const args of [[], ["--fix"]]) {
      const { ok, found } = await doctor(...args);
      expect(ok).toBe(false);
      expect(found.filter(({ name }) => name === "interrupted changes")).toMatchObject([
        { status: "failed", detail: expect.stringContaining("1 left by a process that is gone") },
      ]);
    }
  });

  it("sees an AI key of no agent, and --fix revokes it", async () => {
    await within(async ({ ports }) => {
      await ports.records.set("ai-keys", "lost-key", aiKey("lost-key", "nobody"));
    });
    expect((await doctor()).found).toMatchObject([
      { name: "orphans", status: "failed", detail: expect.stringContaining("lost-key") },
    ]);
    expect((await doctor("--fix")).found).toMatchObject([{ name: "orphans", status: "fixed" }]);
    expect(existsSync(file("ai-keys/lost-key.json"))).toBe(false);
    expect((await doctor()).found).toEqual([]);
  });

  it("takes nothing for an orphan while its agent is made or deleted", async () => {
    rmSync(join(stateDir, "agents", "whole"), { recursive: true });
    const changed = ["whole", "new"].map((agentId) => ({ name: agentClaim(agentId), owner: `another.${agentId}` }));
    await within(async ({ ports: { records, ledger } }) => {
      await records.set("ai-keys", "new-key", aiKey("new-key", "new"));
      for (const { name, owner } of changed) await ledger.claim(name, { owner, ttlMs: 60_000 });
    });
    expect((await doctor("--fix")).found).toEqual([]);
    await within(async ({ ports: { ledger } }) => {
      for (const { name, owner } of changed) await ledger.release(name, owner);
    });
    expect((await doctor()).found).toMatchObject([{ name: "orphans" }, { name: "orphans" }]);
  });

  it("warns of agents whose AI provider was revoked", async () => {
    await within(async ({ call, revokeProvider }) => {
      for (const name of ["Old account", "New account"]) {
        const provider = { provider: "anthropic", name, key: "sk-ant-not-a-real-key", verify: false };
        await call("POST", "/provisioning/ai-providers", provider);
        for (const agent of ["a", "b"]) {
          const body = { name: `${agent}-${name}`, autoProvisionAiKey: { provider: "anthropic" } };
          await call("POST", "/agents/create", body);
        }
      }
      await revokeProvider("Old account");
    });
    for (const args of [[], ["--fix"]]) {
      const { ok, found } = await doctor(...args);
      expect(ok).toBe(true);
      expect(found).toMatchObject([
        {
          name: "AI keys",
          status: "warning",
          detail: expect.stringMatching(/2 agents.*"Old account" \(anthropic, \w+\)/),
          remedy: expect.stringContaining("agents ai-key move"),
        },
      ]);
    }
  });

  it("sees an agent whose home is gone, and leaves it to a person", async () => {
    rmSync(join(stateDir, "agents", "whole"), { recursive: true });
    for (const args of [[], ["--fix"]]) {
      expect((await doctor(...args)).found).toMatchObject([
        {
          name: "orphans",
          status: "failed",
          detail: expect.stringContaining('"whole"'),
          remedy: expect.stringContaining("agents delete whole"),
        },
      ]);
    }
    expect((await runHere(["provisioning", "agents", "delete", "whole"], env)).exitCode).toBe(0);
    expect((await doctor()).found).toEqual([]);
  });

  it("sees a changed line of the trail, and a tail that was cut off", async () => {
    const whole = readFileSync(file("audit.jsonl"), "utf8");
    const lines = whole.split("\n");
    writeFileSync(file("audit.jsonl"), whole.replace('"whole"', '"other"'));
    expect((await doctor()).found).toMatchObject([
      { name: "audit trail", status: "failed", detail: expect.stringMatching(/^line \d+: /) },
    ]);
    writeFileSync(file("audit.jsonl"), `${lines.slice(0, -2).join("\n")}\n`);
    expect((await doctor()).found).toMatchObject([
      { name: "audit trail", status: "failed", remedy: expect.stringContaining("evidence") },
    ]);
    writeFileSync(file("audit.jsonl"), whole);
    expect((await doctor()).found).toEqual([]);
  });

  it("warns of gateway secrets in the clear", async () => {
    const host = {
      kind: "remote",
      gateways: [{ id: "g", url: "http://127.0.0.1:1", token: "plain-token", key: "plain-key" }],
    };
    writeFileSync(
      join(stateDir, "config.json"),
      JSON.stringify({ gateway: { provisioning: { enabled: true, host } } }),
    );
    const { found } = await doctor();
    expect(found).toContainEqual(
      expect.objectContaining({ name: "gateway secrets", status: "warning", remedy: expect.stringContaining("seal") }),
    );
    expect(JSON.stringify(found)).not.toMatch(/plain-token|plain-key/);
  });
});

const aiKey = (keyId: string, agentId: string) => ({
  keyId,
  agentId,
  provider: "anthropic",
  mode: "virtual" as const,
  aiProviderId: "none",
  createdAt: at,
  state: { version: 1, status: "active" as const, digest: "0".repeat(64), quotas: {} },
});

it("names agents whose workspace breaks the rule for new ones, which work on and can be deleted", async () => {
  await within(async ({ call }) => {
    await call("POST", "/agents/create", { name: "old" });
    await call("POST", "/agents/create", { name: "inner" });
  });
  const move = (agentId: string, to: string) => {
    const entry = join(stateDir, "agents", agentId, "agent.json");
    const text = readFileSync(entry, "utf8");
    writeFileSync(entry, text.replaceAll(`"workspace-${agentId}"`, `"${to}"`));
    mkdirSync(join(stateDir, to), { recursive: true });
    renameSync(join(stateDir, `workspace-${agentId}`), join(stateDir, to));
  };
  move("old", "extensions/old");
  move("inner", "workspace-whole/inner");
  const { ok, found } = await doctor();
  expect(ok).toBe(true);
  expect(found.filter(({ name }) => name === "workspaces")).toMatchObject([
    { status: "warning", detail: expect.stringMatching(/: old$/), remedy: expect.stringContaining("workspaceRoots") },
    { status: "warning", detail: expect.stringMatching(/: inner, whole$/) },
  ]);
  await within(async ({ ports }) => {
    const everything = { workspace: true, sessions: true };
    expect((await ports.host.list({ limit: 9 })).agents.map(({ agentId }) => agentId)).toContain("old");
    const [{ operationId = "" } = {}] = (await ports.host.find("old")).agents;
    const { deleted } = await ports.host.remove({ agentId: "old", operationId }, everything);
    expect(deleted).toContain("workspace");
  });
  expect(existsSync(join(stateDir, "extensions", "old"))).toBe(false);
});

/** As a process leaves it that dies after the agent's home was made, and before its record was. */
async function interruptCreate(): Promise<string> {
  let operationId = "";
  await within(async ({ ports }) => {
    // The same host, another start: this process is none of it.
    operationId = `${ports.instance.id.replace(/\d+$/, "1")}.0123456789abcdef`;
    const plan = await ports.host.plan({ agentId: "half" });
    const note = {
      action: "create",
      operationId,
      creation: operationId,
      agentId: "half",
      workspace: plan.workspace,
      bindings: [],
      aiKeyId: "half-key",
    };
    await ports.ledger.claim(agentClaim("half"), { owner: operationId, ttlMs: 30_000, note: JSON.stringify(note) });
    await ports.audit.append({ phase: "intent", action: "agent.create", actor: "cli", operationId, target: "half" });
    await ports.records.set("ai-keys", "half-key", aiKey("half-key", "half"));
    await ports.host.create({
      agentId: "half",
      name: "half",
      ...plan,
      bindings: [],
      skipBootstrap: false,
      operationId,
      awaitReady: true,
    });
  });
  return operationId;
}
