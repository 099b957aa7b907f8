import { hash } from "node:crypto";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { agentsGateway, linkPublisher, linkToken } from "../../../adapters/node/agents-link.ts";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { openNode } from "../../../adapters/node/open-node.ts";
import { controlPlaneBearer, isAlone, pluginRole, refuseSecrets } from "../../../adapters/openclaw/plugin-role.ts";
import { readPluginSettings } from "../../../adapters/openclaw/plugin-settings.ts";
import { createApp } from "../../../src/app.ts";
import { createRemoteHost } from "../../../src/host/remote-host.ts";

const sealKey = new Uint8Array(32).fill(7);
const anotherKey = new Uint8Array(32).fill(8);
const sha256 = (text: string) => hash("sha256", text, "hex");
const secret = "link-token-of-a-test";

let directory: string;
let digestFile: string;
beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), "split-")));
  digestFile = join(directory, "control-plane.sha256");
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe("the control plane's half", () => {
  const url = "http://openclaw-agents:18789";
  const read = (env: Record<string, string>) => readNodeSettings({ OPENCLAW_STATE_DIR: directory, ...env });

  test("has its agents on the gateway that the environment names", () => {
    const { agents, settings } = read({ OPENCLAW_AGENTS_URL: `${url}/`, OPENCLAW_LINK_DIGEST_FILE: digestFile });
    expect(agents).toEqual({ url, byDns: false, digestFile });
    expect(settings.provisioning.host.kind).toBe("remote");
    expect(read({ OPENCLAW_AGENTS_URL: "" })).toMatchObject({ agents: undefined });
  });

  test.each([
    ["no address", { OPENCLAW_AGENTS_URL: "agents:1" }, /OPENCLAW_AGENTS_URL is "agents:1"/],
    ["a gateway that cannot know us", { OPENCLAW_AGENTS_URL: url }, /OPENCLAW_LINK_DIGEST_FILE.*OPENCLAW_LINK_TOKEN/],
    [
      "a path behind a name of several",
      { OPENCLAW_AGENTS_URL: `${url}/base`, OPENCLAW_AGENTS_BY_DNS: "true", OPENCLAW_LINK_TOKEN: secret },
      /OPENCLAW_AGENTS_URL is ".*\/base"; it must be .* OPENCLAW_AGENTS_BY_DNS/,
    ],
    ["a guessable secret", { OPENCLAW_AGENTS_URL: url, OPENCLAW_LINK_TOKEN: "short" }, /shorter than 16/],
    [
      "the key to its own door",
      { OPENCLAW_AGENTS_URL: url, OPENCLAW_LINK_TOKEN: secret, OPENCLAW_GATEWAY_TOKEN: secret },
      /OPENCLAW_LINK_TOKEN is OPENCLAW_GATEWAY_TOKEN/,
    ],
    [
      "another host",
      { OPENCLAW_AGENTS_URL: url, OPENCLAW_LINK_TOKEN: secret, OPENCLAW_PROVISIONING_HOST: "directory" },
      /the host is "directory"/,
    ],
  ])("does not start with %s", (_, env, message) => {
    expect(() => read(env)).toThrow(message);
  });

  test("takes each address of the name for a gateway, where it is told to", () => {
    const env = { OPENCLAW_AGENTS_URL: url, OPENCLAW_AGENTS_BY_DNS: "true", OPENCLAW_LINK_TOKEN: secret };
    const entry = { id: "agents", token: secret, maxAgents: 100 };
    const { agents } = read(env);
    expect(agentsGateway(agents!, sealKey, 100)).toEqual({ ...entry, dns: "openclaw-agents", port: 18789 });
    expect(agentsGateway({ ...agents!, byDns: false }, sealKey, 100)).toEqual({ ...entry, url });
  });

  test("makes its credential by itself, the same one at every start, and shows no more than a digest of it", () => {
    const link = { url, byDns: false, digestFile };
    const token = linkToken(link, sealKey);
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(linkToken(link, sealKey)).toBe(token);
    expect(linkToken(link, anotherKey)).not.toBe(token);
    expect(linkToken({ url, byDns: false, token: secret }, sealKey)).toBe(secret);
    linkPublisher(link, () => [sealKey])();
    expect(readFileSync(digestFile, "utf8")).toBe(`${sha256(token)}\n`);
    expect(statSync(digestFile).mode & 0o777).toBe(0o644);
    const away = { url, byDns: false, digestFile: join(directory, "absent", "x") };
    expect(linkPublisher(away, () => [sealKey])).toThrow(
      /^OPENCLAW_LINK_DIGEST_FILE is ".*", which cannot be written \(ENOENT\)/,
    );
  });

  test("is known under its old and its new secret while its seal key is changed, and again where the file was lost", () => {
    const link = { url, byDns: false, digestFile };
    let keys = [sealKey];
    const publish = linkPublisher(link, () => keys);
    const known = () => {
      publish();
      return readFileSync(digestFile, "utf8").trim().split("\n");
    };
    const [old, fresh] = [sealKey, anotherKey].map((key) => sha256(linkToken(link, key)));
    expect(known()).toEqual([old]);
    keys = [anotherKey, sealKey];
    expect(known().sort()).toEqual([old, fresh].sort());
    keys = [anotherKey];
    rmSync(digestFile);
    expect(known().sort()).toEqual([old, fresh].sort());
  });
});

describe("the agents' half", () => {
  const env = { OPENCLAW_PROVISIONING_ROLE: "agents", OPENCLAW_PUBLIC_URL: "http://openclaw-gateway:18789" };

  test("is taken on by the environment alone, and by no mistake is the other one", () => {
    expect([pluginRole({}), pluginRole(env), isAlone({}), isAlone(env)]).toEqual(["alone", "agents", true, false]);
    const mistyped = { OPENCLAW_PROVISIONING_ROLE: "agent" };
    expect(() => pluginRole(mistyped)).toThrow(/OPENCLAW_PROVISIONING_ROLE is "agent"; it must be alone or agents/);
    expect(isAlone(mistyped)).toBe(false);
  });

  test.each([
    "OPENCLAW_PROVISIONING_SEAL_KEY",
    "OPENCLAW_PROVISIONING_SEAL_KEY_FILE",
    "OPENCLAW_PROVISIONING_STORAGE",
    "OPENCLAW_ADMIN_TOKEN",
    "OPENCLAW_LINK_TOKEN",
    "ANTHROPIC_MASTER_KEY",
    "OPENAI_MASTER_KEY",
  ])("does not work where %s lies beside the agents", (name) => {
    expect(() => refuseSecrets({ ...env, [name]: "x" }, directory)).toThrow(new RegExp(`^${name} is set`));
    expect(() => refuseSecrets({ ...env, [name]: "" }, directory)).not.toThrow();
  });

  test.each(["seal.key", "ai-providers.json", "keys.json"])(
    "does not work where provisioning/%s lies",
    async (file) => {
      await mkdir(join(directory, "provisioning"));
      expect(() => refuseSecrets(env, directory)).not.toThrow();
      await writeFile(join(directory, "provisioning", file), "{}");
      expect(() => refuseSecrets(env, directory)).toThrow(new RegExp(`provisioning/${file} lies where the agents run`));
    },
  );

  test("believes whoever knows what the digest is of, from the moment that it is there", async () => {
    const verify = controlPlaneBearer({ OPENCLAW_LINK_DIGEST_FILE: digestFile }, sha256);
    await expect(verify(secret)).rejects.toMatchObject({ code: "not_ready", headers: { "retry-after": "5" } });
    await writeFile(digestFile, "half a dig");
    await expect(verify(secret)).rejects.toMatchObject({ code: "not_ready" });
    await writeFile(digestFile, `${sha256(secret)}\n`);
    expect(await verify(secret)).toMatchObject({ actor: "control-plane" });
    expect(await verify(sha256(secret))).toBeUndefined();
    await writeFile(digestFile, `${sha256("new")}\n${sha256(secret)}\n`);
    expect([await verify(secret), await verify("new")]).toMatchObject([{ reach: "all" }, { reach: "all" }]);
    await writeFile(digestFile, sha256("another"));
    expect(await verify(secret)).toBeUndefined();
    expect(await controlPlaneBearer({ OPENCLAW_LINK_DIGEST: sha256(secret) }, sha256)(secret)).toBeDefined();
    expect(() => controlPlaneBearer({}, sha256)).toThrow(/OPENCLAW_LINK_DIGEST_FILE/);
    expect(() => controlPlaneBearer({ OPENCLAW_LINK_DIGEST: secret }, sha256)).toThrow(/must be a SHA-256/);
  });

  test("lets the control plane decide who may have how much, and take back what it began", () => {
    const read = (more: Record<string, string>) =>
      readPluginSettings({ env: { ...env, ...more }, stateDir: directory, port: "1", gatewayToken: "its-own" });
    const { settings } = read({ OPENCLAW_PROVISIONING_ENABLED: "false" });
    expect(settings.gatewayTokens).toEqual([]);
    expect(settings.provisioning).toMatchObject({ enabled: true, allowDelete: true, host: { kind: "openclaw" } });
    expect(() => read({ OPENCLAW_PUBLIC_URL: "" })).toThrow(/OPENCLAW_PUBLIC_URL is not set/);
  });

  test("does what the control plane's host asks for, by the link's token alone, and nothing for others", async () => {
    const stateDir = join(directory, "agents");
    await mkdir(stateDir, { mode: 0o700 });
    const node = readNodeSettings({ OPENCLAW_STATE_DIR: stateDir, OPENCLAW_PROVISIONING_ENABLED: "true" });
    node.settings.gatewayTokens = [];
    node.settings.provisioning.allowDelete = true;
    const opened = await openNode(node, { env: {}, log: () => undefined, sealKeys: () => [sealKey] });
    const verifyBearer = controlPlaneBearer({ OPENCLAW_LINK_DIGEST: sha256(secret) }, sha256);
    const app = createApp(opened.ports, node.settings, { verifyBearer });
    const remote = (token: string) =>
      createRemoteHost({
        gateways: [{ id: "agents", url: "http://openclaw-agents:18789", token }],
        fetch: async (input, init) => await app.fetch(new Request(input, init)),
        timeoutMs: 5_000,
        clock: { now: Date.now },
        log: () => undefined,
      });
    try {
      const host = remote(secret);
      const asked = { agentId: "a", name: "a", bindings: [], skipBootstrap: true, awaitReady: true, operationId: "op" };
      const credential = { provider: "anthropic", apiKey: "ocv_x", baseUrl: "http://p/proxy/anthropic", metered: true };
      const agent = { ...asked, ...(await host.plan(asked)), credential };
      expect(await host.create(agent)).toMatchObject({ profileId: "anthropic:dedicated" });
      await host.update(agent, { name: "b" });
      expect((await host.remove(agent, { workspace: true, sessions: true })).deleted).toContain("workspace");
      await expect(remote("of-nobody-else").check()).rejects.toMatchObject({ code: "host_unavailable" });

      const call = async (method: string, path: string, token = secret) => {
        const headers = { authorization: `Bearer ${token}` };
        return (await app.fetch(new Request(`http://localhost${path}`, { method, headers }))).status;
      };
      expect(await call("GET", "/api/v1/provisioning/ai-providers")).toBe(403);
      expect(await call("POST", "/api/v1/provisioning/agent-keys")).toBe(403);
      expect(await call("POST", "/api/v1/agents/a/ai-key/rotate")).toBe(403);
      expect(await call("GET", "/api/v1/agents", sha256(secret))).toBe(401);
      expect(existsSync(join(stateDir, "provisioning", "seal.key"))).toBe(false);
    } finally {
      await opened.close();
    }
  });
});
