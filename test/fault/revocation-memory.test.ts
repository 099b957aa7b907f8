import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DoctorReport } from "../../src/cli/doctor-report.ts";
import type { Client } from "../../src/client/client.ts";
import { runBundle } from "../run-bundle.ts";
import {
  adminClient,
  keyedClient,
  makeStateDir,
  type ServerProcess,
  startServerProcess,
  token,
} from "../server-process.ts";
import { masterKeys, type SampleAdminApis, sampleAdminApis } from "../upstream/sample-admin-apis.ts";

let stateDir: string;
let apis: SampleAdminApis;
let server: ServerProcess;
let client: Client;
beforeAll(async () => {
  stateDir = await makeStateDir();
  apis = await sampleAdminApis();
  server = await startServerProcess(stateDir);
  const provider = await adminClient(server.origin).aiProviders.add({
    provider: "openrouter",
    name: "Management",
    key: masterKeys.openrouter,
    baseUrl: `${apis.origin}/openrouter/api/v1`,
  });
  ({ client } = await keyedClient(server.origin, { aiProviderKeyId: provider.id }));
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  await apis.close();
  rmSync(stateDir, { recursive: true, force: true });
});

const minted = (name: string) =>
  client.agents.create({ name, autoProvisionAiKey: { provider: "openrouter", mode: "minted" } });
/** The newest event about it. */
const trail = async (target: string) => (await adminClient(server.origin).audit.list({ target, limit: 1 })).events[0];
/** Keys that work at the provider. */
const atProvider = () => apis.state.openrouterKeys.length;
const remembered = () => {
  const directory = join(stateDir, "provisioning", "revocations");
  return existsSync(directory) ? readdirSync(directory).filter((name) => name.endsWith(".json")).length : 0;
};
const expectNothingOf = async (name: string) => {
  await expect(client.agents.get(name)).rejects.toMatchObject({ code: "agent_not_found" });
  expect(existsSync(join(stateDir, `workspace-${name}`))).toBe(false);
  expect(existsSync(join(stateDir, "agents", name, "agent"))).toBe(false);
};
const doctor = async (...args: string[]) => {
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: token };
  const { stdout } = await runBundle(["provisioning", "doctor", "--json", ...args], env);
  return (JSON.parse(stdout) as DoctorReport).checks.find(({ name }) => name === "revocations");
};

describe("a minted key", () => {
  it("is in the agent's hands, and gone at the provider once the agent is deleted", async () => {
    const { aiKey } = await minted("plain");
    expect(aiKey).toMatchObject({ mode: "minted", provider: "openrouter" });
    const profiles = readFileSync(join(stateDir, "agents", "plain", "agent", "auth-profiles.json"), "utf8");
    expect(profiles).toContain(apis.state.openrouterKeys[0]!.key);
    expect((await client.agents.delete("plain")).deleted).toContain("aiKey");
    expect([atProvider(), remembered()]).toEqual([0, 0]);
  });

  it("whose provider is down when the agent is deleted is remembered, and revoked as soon as it is up", async () => {
    await minted("down");
    // The call itself, doctor's try, and the next start's.
    apis.fail("DELETE", /\/keys\//, { status: 503, json: { error: { code: 503, message: "down" } } }, 2);
    const { aiKeyId } = await client.agents.get("down");
    const { deleted, preserved } = await client.agents.delete("down", { deleteWorkspace: true });
    expect([deleted, preserved]).toEqual([expect.not.arrayContaining(["aiKey"]), ["sessions", "aiKey"]]);
    expect(await trail("down")).toMatchObject({
      action: "agent.delete",
      phase: "outcome",
      details: { preserved: ["sessions", "aiKey"], unrevokedAiKeyId: aiKeyId },
    });
    expect(await trail(aiKeyId!)).toBeUndefined();
    await expectNothingOf("down");
    expect([atProvider(), remembered()]).toEqual([1, 1]);
    expect(await doctor()).toMatchObject({ status: "failed", detail: expect.stringContaining('agent "down"') });
    expect(await doctor("--fix")).toMatchObject({
      status: "failed",
      detail: expect.stringContaining("1 still refused"),
    });
    expect(remembered()).toBe(1);
    expect(await doctor("--fix")).toMatchObject({ status: "fixed", detail: "1 done now" });
    expect([atProvider(), remembered()]).toEqual([0, 0]);
    expect(await trail(aiKeyId!)).toMatchObject({
      action: "ai-key.revoke",
      phase: "event",
      actor: "recovery",
      outcome: "success",
      details: { agentId: "down", attempts: 2 },
    });
  });

  it("that could not be revoked is told beside the command's answer", async () => {
    await minted("told");
    apis.fail("DELETE", /\/keys\//, { status: 500, json: {} }, 1);
    const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: token };
    const ran = await runBundle(["provisioning", "agents", "delete", "told", "--json"], env);
    expect(JSON.parse(ran.stdout)).toMatchObject({ preserved: expect.arrayContaining(["aiKey"]) });
    expect([
      ran.exitCode,
      ran.stderr
        .trim()
        .split("\n")
        .filter((line) => line.startsWith("warning: ")).length,
    ]).toEqual([0, 1]);
    await doctor("--fix");
  });

  it("still to be revoked at a provider that does not answer keeps no server from its start or its end", async () => {
    await minted("silent");
    apis.fail("DELETE", /\/keys\//, { status: 500, json: {} }, 1);
    await client.agents.delete("silent");
    expect(remembered()).toBe(1);
    expect(await server.stop()).toBe(0);

    apis.fail("DELETE", /\/keys\//, { hang: "before" }, 1);
    const startedAt = performance.now();
    server = await startServerProcess(stateDir);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    const stoppedAt = performance.now();
    expect(await server.stop()).toBe(0);
    expect(performance.now() - stoppedAt).toBeLessThan(3_000);
    expect([atProvider(), remembered()]).toEqual([1, 1]);

    server = await startServerProcess(stateDir);
    await expect.poll(() => [atProvider(), remembered()], { timeout: 5_000 }).toEqual([0, 0]);
    const { keys } = await adminClient(server.origin).aiProviders.list();
    ({ client } = await keyedClient(server.origin, { aiProviderKeyId: keys[0]!.id }));
  });
});

describe("a minting that fails", () => {
  it("says what the provider said and what helps", async () => {
    apis.fail("POST", /\/keys$/, { status: 403, json: { error: { code: 403, message: "no" } } });
    await expect(minted("advised")).rejects.toMatchObject({
      code: "provider_refused",
      detail:
        'OpenRouter refused: no (HTTP 403). Check that the key of the AI provider "Management" may create keys, or use the mode "virtual".',
    });
  });

  it.each([
    ["is refused", { status: 403, json: { error: { code: 403, message: "no" } } } as const, "provider_refused"],
    ["loses the answer", { drop: "after" } as const, "provider_unreachable"],
  ])("because it %s leaves no agent and no key", async (what, fault, code) => {
    const name = `failed-${what.split(" ")[0]}`;
    apis.fail("POST", /\/keys$/, fault);
    await expect(minted(name)).rejects.toMatchObject({ code });
    await expectNothingOf(name);
    // A key that may have been made without our knowing is looked for by its name, and at once.
    expect([atProvider(), remembered()]).toEqual([0, 0]);
    await minted(name);
    expect(atProvider()).toBe(1);
    await client.agents.delete(name);
    expect(atProvider()).toBe(0);
  });

  it("is undone at the provider, too, where a later step fails", async () => {
    mkdirSync(join(stateDir, "agents"), { recursive: true });
    writeFileSync(join(stateDir, "agents", "blocked"), "in the way");
    await expect(minted("blocked")).rejects.toMatchObject({
      status: expect.toSatisfy((status: number) => status >= 400),
    });
    expect([atProvider(), remembered()]).toEqual([0, 0]);
    expect(apis.seen.at(-1)).toMatchObject({ method: "DELETE" });
    rmSync(join(stateDir, "agents", "blocked"));
    await minted("blocked");
    await client.agents.delete("blocked");
    expect(await adminClient(server.origin).audit.verify()).toMatchObject({ ok: true });
  });

  it("without the provider saying whether is looked for, and doctor tells so without failing", async () => {
    apis.fail("POST", /\/keys$/, { drop: "before" });
    await expect(minted("late")).rejects.toMatchObject({ code: "provider_unreachable" });
    await expectNothingOf("late");
    for (const args of [[], ["--fix"]]) {
      expect(await doctor(...args)).toMatchObject({ status: "ok" });
      expect(remembered()).toBe(1);
    }
    await apis.arrive();
    expect(atProvider()).toBe(1);
    await doctor("--fix");
    expect([atProvider(), remembered()]).toEqual([0, 0]);
  });
});
