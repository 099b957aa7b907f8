import { rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { createReload } from "../../../adapters/node/reload-settings.ts";
import { createClient } from "../../../src/client/client.ts";
import type { Log } from "../../../src/ports.ts";
import { runBundle } from "../../run-bundle.ts";
import { sampleSealKey } from "../../sample-seal-key.ts";
import { adminToken, makeStateDir, type ServerProcess, startServerProcess } from "../../server-process.ts";

const [oldToken, newToken] = ["the-older-gateway-token", "the-newer-gateway-token"];
const [oldAdmin, newAdmin] = ["the-older-admin-token-x", "the-newer-admin-token-x"];

describe("secrets and settings of a running server", () => {
  let stateDir: string;
  let tokenFile: string;
  let server: ServerProcess | undefined;
  const asks = async (token: string, key?: string) => {
    const headers = { authorization: `Bearer ${token}`, ...(key !== undefined && { "x-agent-provisioning-key": key }) };
    const path = key === undefined ? "/agents" : "/provisioning/agent-keys";
    return (await fetch(`${server?.origin}/api/v1${path}`, { headers })).status;
  };
  const configure = (provisioning: object) =>
    writeFileSync(
      join(stateDir, "config.json"),
      JSON.stringify({ gateway: { provisioning: { enabled: true, ...provisioning } }, logging: { level: "info" } }),
    );
  const hangUp = async (told: RegExp) => {
    const before = server?.output().length ?? 0;
    process.kill(server?.pid ?? 0, "SIGHUP");
    for (let turn = 0; turn < 500 && !told.test(server?.output().slice(before) ?? ""); turn++) await sleep(10);
    expect(server?.output().slice(before)).toMatch(told);
  };

  beforeEach(async () => {
    stateDir = await makeStateDir();
    tokenFile = join(stateDir, "gateway-token");
    configure({});
  });
  afterEach(async () => {
    await server?.stop();
    server = undefined;
    rmSync(stateDir, { recursive: true, force: true });
  });

  it("come from files too, may be two while one replaces the other, and are read again on SIGHUP", async () => {
    writeFileSync(tokenFile, `${oldToken}\n`);
    server = await startServerProcess(stateDir, {
      OPENCLAW_GATEWAY_TOKEN: "",
      OPENCLAW_GATEWAY_TOKEN_FILE: tokenFile,
      OPENCLAW_ADMIN_TOKEN: ` ${oldAdmin} , ${newAdmin} `,
    });
    expect([await asks(oldToken), await asks(newToken)]).toEqual([200, 401]);
    expect([await asks(oldToken, oldAdmin), await asks(oldToken, newAdmin)]).toEqual([200, 200]);
    writeFileSync(tokenFile, `${newToken},${oldToken}\n`);
    await hangUp(/"settings were read again","changed":\["OPENCLAW_GATEWAY_TOKEN"\]/);
    expect([await asks(oldToken), await asks(newToken)]).toEqual([200, 200]);
    writeFileSync(tokenFile, newToken);
    await hangUp(/read again/);
    expect([await asks(oldToken), await asks(newToken)]).toEqual([401, 200]);
    expect(server.output()).not.toContain(newToken);
  });

  it("are a seal key too, which is rotated so without a restart, and never exchanged for one that opens nothing", async () => {
    const sealFile = join(stateDir, "seal-key");
    const env = {
      OPENCLAW_STATE_DIR: stateDir,
      OPENCLAW_GATEWAY_TOKEN: oldToken,
      OPENCLAW_PROVISIONING_SEAL_KEY_FILE: sealFile,
    };
    const cli = async (args: string[], stdin = "") => {
      const { exitCode, stdout, stderr } = await runBundle(["provisioning", ...args], env, stdin);
      expect([exitCode, stderr]).toEqual([0, ""]);
      return stdout;
    };
    writeFileSync(sealFile, sampleSealKey(1));
    const add = ["ai-providers", "add", "--provider", "openai", "--name", "Master", "--no-verify", "--key", "-"];
    await cli(add, "sk-not-a-real-key");
    server = await startServerProcess(stateDir, env);
    writeFileSync(sealFile, sampleSealKey(3));
    await hangUp(/cannot be read again[^\n]*OPENCLAW_PROVISIONING_SEAL_KEY has none of the keys that are in use/);
    writeFileSync(sealFile, `${sampleSealKey(2)},${sampleSealKey(1)}`);
    await hangUp(/"settings were read again","changed":\["OPENCLAW_PROVISIONING_SEAL_KEY"\]/);
    expect(JSON.parse(await cli(["seal", "rotate", "--json"]))).toMatchObject({ resealed: 1 });
    writeFileSync(sealFile, sampleSealKey(2));
    await hangUp(/"settings were read again","changed":\["OPENCLAW_PROVISIONING_SEAL_KEY"\]/);
    // A secret that the server seals now opens under the new key alone.
    const admin = createClient({ url: server.origin, token: oldToken, provisioningKey: adminToken });
    const sealed = { provider: "openai", name: "Second", key: "sk-second-not-a-real-key", verify: false };
    expect((await admin.aiProviders.add(sealed)).status).toBe("active");
    expect((await fetch(`${server.origin}/readyz`)).status).toBe(200);
    expect(await cli(["doctor"])).toMatch(/^ok +secrets +all open/m);
  });

  it.each([
    ["is empty", () => writeFileSync(join(stateDir, "config.json"), "\n")],
    ["is gone", () => rmSync(join(stateDir, "config.json"))],
  ])("stay as they were where config.json %s, as in the middle of an edit", async (_, harm) => {
    server = await startServerProcess(stateDir, { OPENCLAW_GATEWAY_TOKEN: oldToken });
    harm();
    await hangUp(/"settings cannot be read again; those from before stay".*empty or gone/);
    expect(await asks(oldToken)).toBe(200);
    configure({ rateLimitPerMinute: 5 });
    await hangUp(/"settings were read again"/);
  });

  it("stay as they were where they cannot be read, and name what needs a restart", async () => {
    server = await startServerProcess(stateDir, { OPENCLAW_GATEWAY_TOKEN: oldToken });
    writeFileSync(join(stateDir, "config.json"), "{");
    await hangUp(/settings cannot be read again; those from before stay/);
    expect(await asks(oldToken)).toBe(200);
    configure({ basePath: "/api/v2", rateLimitPerMinute: 77 });
    await hangUp(
      /"changed":\["gateway\.provisioning\.rateLimitPerMinute"[^\n]*\n[^\n]*"needRestart":\["gateway\.provisioning\.basePath"/,
    );
    expect(await asks(oldToken)).toBe(200);
  });

  it("name a store that was exchanged, which needs a restart", () => {
    const env: Record<string, string> = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: oldToken };
    const warned: unknown[] = [];
    const log: Log = (level, message, fields) => void (level === "warn" && warned.push([message, fields]));
    const reload = createReload(env, readNodeSettings(env), { log });
    reload();
    expect(warned).toEqual([]);
    env.OPENCLAW_PROVISIONING_STORAGE = "redis://127.0.0.1:1";
    reload();
    const needRestart = ["OPENCLAW_PROVISIONING_STORAGE"];
    expect(warned).toEqual([["settings that need a restart have changed", { needRestart }]]);
  });

  it("cannot be read through an inspector", async () => {
    server = await startServerProcess(stateDir, { OPENCLAW_GATEWAY_TOKEN: oldToken });
    process.kill(server.pid, "SIGUSR1");
    await sleep(300);
    const opened = await new Promise<boolean>((resolve) => {
      const socket = connect(9229, "127.0.0.1", () => resolve(true));
      socket.on("error", () => resolve(false)).on("connect", () => socket.destroy());
    });
    expect(opened).toBe(false);
    expect(await asks(oldToken)).toBe(200);
  });

  it.each([
    ["is not there", undefined, /OPENCLAW_GATEWAY_TOKEN_FILE is \S+, which cannot be read \(ENOENT\)/],
    ["is empty", " \n", /OPENCLAW_GATEWAY_TOKEN_FILE is \S+, which is empty/],
  ])("refuse the start where the file %s", async (_, content, told) => {
    if (content !== undefined) writeFileSync(tokenFile, content);
    const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "", OPENCLAW_GATEWAY_TOKEN_FILE: tokenFile };
    const { exitCode, stderr } = await runBundle(["serve"], env);
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(told)]);
  });

  it("refuse the start where a secret is given twice", async () => {
    writeFileSync(tokenFile, oldToken);
    const env = {
      OPENCLAW_STATE_DIR: stateDir,
      OPENCLAW_GATEWAY_TOKEN: newToken,
      OPENCLAW_GATEWAY_TOKEN_FILE: tokenFile,
    };
    expect((await runBundle(["serve"], env)).stderr).toContain("are both set: leave one of them out");
  });
});
