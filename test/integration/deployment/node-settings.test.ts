import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readNodeSettings, stateDirFrom } from "../../../adapters/node/node-settings.ts";
import { createReload } from "../../../adapters/node/reload-settings.ts";
import { withSecretFiles } from "../../../adapters/node/secret-variables.ts";
import { SettingsError } from "../../../src/settings/settings-error.ts";

let stateDir: string;
beforeAll(() => {
  stateDir = mkdtempSync(join(tmpdir(), "openclaw-settings-"));
});
afterAll(() => rmSync(stateDir, { recursive: true, force: true }));

function read(config: string, env: Record<string, string> = {}) {
  writeFileSync(join(stateDir, "config.json"), config);
  return readNodeSettings({ OPENCLAW_STATE_DIR: stateDir, ...env });
}
const provisioning = (settings: unknown) => JSON.stringify({ gateway: { provisioning: settings } });

function refusal(config: string, env: Record<string, string> = {}): string {
  try {
    read(config, env);
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError);
    const { message } = error as Error;
    expect(message).not.toMatch(/[\r\n]/);
    return message;
  }
  throw new Error("it was accepted");
}

describe("config.json", () => {
  it("is not needed: the defaults are the documented ones", () => {
    rmSync(join(stateDir, "config.json"), { force: true });
    const { settings, host, port, storage } = readNodeSettings({ OPENCLAW_STATE_DIR: stateDir });
    expect({ host, port, storage }).toEqual({ host: "127.0.0.1", port: 18789, storage: undefined });
    expect(settings).toMatchObject({
      logLevel: "info",
      gatewayTokens: [],
      adminTokens: [],
      provisioning: {
        enabled: false,
        basePath: "/api/v1",
        maxAgentsPerKey: 100,
        rateLimitPerMinute: 10,
        allowDelete: false,
        publicUrl: "http://127.0.0.1:18789",
        trustedProxies: [],
        authFailuresPerMinute: 300,
        maxBodyBytes: 1_048_576,
      },
    });
  });

  it.each([
    ["an empty file", ""],
    ["white space", " \n"],
    ["a byte order mark", "\uFEFF{}"],
  ])("may be %s", (_, text) => {
    expect(read(text).settings.provisioning.basePath).toBe("/api/v1");
  });

  it("may hold comments and trailing commas, and OpenClaw's own settings", () => {
    const { settings } = read(`// ours and OpenClaw's
      {
        "gateway": { "mode": "local", "provisioning": { /* on */ "enabled": true, "allowDelete": true, }, },
        "agents": { "entries": {} },
        "logging": { "level": "debug", "file": "x", },
      }`);
    expect(settings).toMatchObject({ logLevel: "debug", provisioning: { enabled: true, allowDelete: true } });
  });

  it.each<[string, string[]]>([
    ['{\n  "gateway": {\n    "provisioning": { "enabled": tru }\n}}', ["line 3", "column 34"]],
    ["{", ["line 1"]],
    ["[]", ["whole file", "object"]],
    ['{"gateway":5}', ["gateway is 5", "object"]],
    ['{"logging":{"level":"loud"}}', ['logging.level is "loud"', "one of debug, info, warn, error"]],
  ])("%j stops the start", (config, words) => {
    const message = refusal(config);
    for (const word of ["config.json", ...words]) expect(message).toContain(word);
  });

  it.each<[string, unknown, string[]]>([
    ["enabled", "yes", ['is "yes"', "true or false"]],
    ["basePath", "api/v1", ['is "api/v1"', 'begin with "/"']],
    ["basePath", "/api/v1/", ["/api/v1/", "not end with one"]],
    ["basePath", "/a/../b", ["dot segments"]],
    ["basePath", "/proxy/v1", ["must not begin with /proxy"]],
    ["console", { path: "console" }, ["console.path", 'begin with "/"']],
    ["console", { path: "/api" }, ["console.path", "neither above nor below basePath"]],
    ["console", { path: "/metrics" }, ["console.path", "must not begin with /proxy"]],
    ["maxAgentsPerKey", -1, ["is -1", "at least 0"]],
    ["rateLimitPerMinute", 0, ["is 0", "at least 1"]],
    ["rateLimitPerMinute", "10", ['is "10"', "number"]],
    ["rateLimitPerMinute", 1.5, ["is 1.5", "a whole number"]],
    ["allowDelete", "true", ['is "true"', "true or false"]],
    ["keyReach", "mine", ['is "mine"', '"all" or "own"']],
    ["publicUrl", "agents.example.org", ["agents.example.org", "http or https URL"]],
    ["publicUrl", "ftp://example.org", ["ftp://example.org", "http or https URL"]],
    ["workspaceRoots", "/srv", ['is "/srv"', "array"]],
    ["trustedProxies", "10.0.0.0/8", ["array"]],
    ["maxBodyBytes", 10, ["is 10", "at least 1024"]],
    ["proxy", { connectTimeoutMs: 0 }, ["proxy.connectTimeoutMs is 0", "at least 1"]],
    ["host", { kind: "cloud" }, ['host.kind is "cloud"', "one of directory, openclaw, remote, registry"]],
    ["host", { gateways: [{ id: "g", token: "t" }] }, ["host.gateways.0", 'needs either "url" or "dns"']],
    ["host", { gateways: [{ id: "g", url: "http://x", dns: "x", token: "t" }] }, ["host.gateways.0", "either"]],
    [
      "host",
      { gateways: [{ id: "g", url: "http://x", port: 1, token: "t" }] },
      ["host.gateways.0", '"port" stands in'],
    ],
    ["host", { gateways: [{ id: "g", dns: "http://x", token: "t" }] }, ["host.gateways.0.dns", "a host's name"]],
    ["host", { placement: [{ agents: {}, gateways: { a: "b" } }] }, ["host.placement.0.agents", "at least one label"]],
    ["host", { gateways: [{ id: "A b", url: "http://x", token: "t", key: "k" }] }, ["host.gateways.0.id", "A b"]],
    ["auth", { jwks: { issuer: "i", audience: "a", algorithms: ["HS256"] } }, ['algorithms.0 is "HS256"', "ES256"]],
    [
      "auth",
      {
        jwks: {
          ...{ issuer: "i", audience: "a", algorithms: ["ES256"] },
          rules: [{ claim: "c", value: 1, scopes: ["provisioning:admin"], reach: "own" }],
        },
      },
      ["rules.0.reach", "provisioning:admin"],
    ],
    ["metrics", { agentLabels: 1 }, ["metrics.agentLabels is 1", "true or false"]],
  ])("a wrong %s (%j) is named with its path, its value and what it has to be", (name, value, words) => {
    const message = refusal(provisioning({ [name]: value }));
    for (const word of ["config.json", `gateway.provisioning.${name}`, ...words]) expect(message).toContain(word);
  });

  it("names every wrong setting at once", () => {
    const message = refusal(provisioning({ enabled: 1, rateLimitPerMinute: 0 }));
    expect(message).toMatch(/enabled is 1.*rateLimitPerMinute is 0/);
  });

  it("names a setting that there is not, and where", () => {
    expect(refusal(provisioning({ enabld: true }))).toMatch(/gateway\.provisioning: unknown setting "enabld".*correct/);
    expect(refusal(provisioning({ proxy: { retries: 1 } }))).toMatch(/provisioning\.proxy: unknown setting "retries"/);
  });

  it("never shows a secret that stands in or near a wrong setting", () => {
    const hidden = "not-to-be-seen";
    for (const wrong of [
      { host: { gateways: [{ id: "g", url: "nowhere", token: hidden, key: hidden }] } },
      { host: { gateways: [{ id: "g", url: "http://x", token: "", key: hidden, more: hidden }] } },
      { host: { gateways: { id: "g", url: "http://x", token: hidden, key: hidden } } },
      { host: [{ token: hidden }] },
      { publicUrl: `https://user:${hidden}@example.org` },
      { publicUrl: `ftp://user:${hidden}@example.org` },
    ]) {
      expect(refusal(provisioning(wrong))).not.toContain(hidden);
    }
    expect(refusal(`{"gateway": {"token": "${hidden}" "x": 1}}`)).not.toContain(hidden);
  });
});

describe("the environment", () => {
  it("goes before config.json", () => {
    const config = provisioning({ enabled: false, publicUrl: "https://old.example.org", host: { kind: "registry" } });
    const { settings, host, port, storage } = read(config, {
      OPENCLAW_PROVISIONING_ENABLED: "TRUE",
      OPENCLAW_GATEWAY_HOST: "0.0.0.0",
      OPENCLAW_GATEWAY_PORT: "8080",
      OPENCLAW_PUBLIC_URL: "https://new.example.org/base/",
      OPENCLAW_PROVISIONING_HOST: "directory",
      OPENCLAW_GATEWAY_TOKEN: "the-token",
      OPENCLAW_ADMIN_TOKEN: "the-admin-token-of-it",
      OPENCLAW_PROVISIONING_STORAGE: "redis://127.0.0.1:6379/3",
    });
    expect({ host, port, storage }).toEqual({ host: "0.0.0.0", port: 8080, storage: "redis://127.0.0.1:6379/3" });
    expect(settings).toMatchObject({
      gatewayTokens: ["the-token"],
      adminTokens: ["the-admin-token-of-it"],
      provisioning: { enabled: true, publicUrl: "https://new.example.org/base", host: { kind: "directory" } },
    });
    expect(
      read(provisioning({ enabled: true }), { OPENCLAW_PROVISIONING_ENABLED: "0" }).settings.provisioning.enabled,
    ).toBe(false);
  });

  it("counts as absent where a variable is empty, as compose files leave it", () => {
    const empty = Object.fromEntries(
      [
        "PROVISIONING_ENABLED",
        "GATEWAY_HOST",
        "GATEWAY_PORT",
        "PUBLIC_URL",
        "PROVISIONING_HOST",
        "ADMIN_TOKEN",
        "PROVISIONING_STORAGE",
      ].map((name) => [`OPENCLAW_${name}`, ""]),
    );
    const { settings, host, port, storage } = read(provisioning({ enabled: true }), empty);
    expect({ host, port, storage, enabled: settings.provisioning.enabled, admin: settings.adminTokens }).toEqual({
      host: "127.0.0.1",
      port: 18789,
      storage: undefined,
      enabled: true,
      admin: [],
    });
  });

  it.each([
    ["127.0.0.1", "http://127.0.0.1:9000"],
    ["0.0.0.0", "http://127.0.0.1:9000"],
    ["::", "http://127.0.0.1:9000"],
    ["::1", "http://[::1]:9000"],
    ["gateway.internal", "http://gateway.internal:9000"],
  ])("listening on %s, agents reach the proxy at %s", (OPENCLAW_GATEWAY_HOST, publicUrl) => {
    const { settings } = read("{}", { OPENCLAW_GATEWAY_HOST, OPENCLAW_GATEWAY_PORT: "9000" });
    expect(settings.provisioning.publicUrl).toBe(publicUrl);
  });

  it.each<[string, string, string]>([
    ["OPENCLAW_PROVISIONING_ENABLED", "maybe", "true or false"],
    ["OPENCLAW_DRAIN_SECONDS", "4000", "0 to 3600"],
    ["OPENCLAW_DRAIN_SECONDS", "30s", "number of seconds"],
    ["OPENCLAW_GATEWAY_PORT", "70000", "65535"],
    ["OPENCLAW_GATEWAY_PORT", "http", "port number"],
    ["OPENCLAW_GATEWAY_PORT", "-1", "port number"],
    ["OPENCLAW_PUBLIC_URL", "example.org", "http or https URL"],
    ["OPENCLAW_PUBLIC_URL", "https://example.org/?a=b", "http or https URL"],
    ["OPENCLAW_PROVISIONING_HOST", "cloud", "directory, openclaw, remote, registry"],
    ["OPENCLAW_PROVISIONING_STORAGE", "mysql://127.0.0.1", "redis://"],
    ["OPENCLAW_PROVISIONING_STORAGE", "/var/lib/state", "redis://"],
    ["OPENCLAW_PROVISIONING_STORAGE", "redis://127.0.0.1:6379/staging", "number"],
    ["OPENCLAW_PROVISIONING_STORAGE", "redis://127.0.0.1:6379/1/2", "number"],
    ["OPENCLAW_PROVISIONING_STORAGE", "redis://127.0.0.1:6379/?db=staging", "number"],
  ])("a wrong %s (%s) is named with its value and what it has to be", (name, value, remedy) => {
    const message = refusal("{}", { [name]: value });
    for (const word of [name, `"${value}"`, remedy]) expect(message).toContain(word);
  });

  it("or config.json has to name the kind of host that the gateways of config.json are for", () => {
    const gateways = [{ id: "g", url: "http://127.0.0.1:9", token: "t" }];
    const remote = { OPENCLAW_PROVISIONING_HOST: "remote" };
    expect(read(provisioning({ host: { gateways } }), remote).settings.provisioning.host.kind).toBe("remote");
    const ours = { OPENCLAW_PROVISIONING_HOST: "directory" };
    for (const message of [
      refusal(provisioning({ host: { gateways } })),
      refusal(provisioning({ host: { kind: "remote", gateways } }), ours),
    ]) {
      for (const word of ['the host is "directory"', "host.gateways", 'host.kind to "remote"', "PROVISIONING_HOST"])
        expect(message).toContain(word);
    }
  });

  it("is not shown where it holds a password", () => {
    const text = "https://user:not-to-be-seen@example.org";
    expect(refusal("{}", { OPENCLAW_PUBLIC_URL: text })).not.toContain("not-to-be-seen");
    expect(refusal("{}", { OPENCLAW_PROVISIONING_STORAGE: text })).not.toContain("not-to-be-seen");
  });

  it("says where the state is: OPENCLAW_STATE_DIR, or .openclaw in the home directory", () => {
    expect(stateDirFrom({ OPENCLAW_STATE_DIR: "/srv/state/../state" })).toBe("/srv/state");
    expect(stateDirFrom({ HOME: "/home/node" })).toBe("/home/node/.openclaw");
  });
});

describe("settings in place of config.json", () => {
  const settings = '{"gateway": {"provisioning": {"enabled": true, "rateLimitPerMinute": 7}}} // a comment';
  const wrong = '{"gateway": {"provisioning": {"rateLimitPerMinute": "ten"}}}';
  const mounted = () => join(stateDir, "mounted.json");

  it("are OPENCLAW_CONFIG's, or those of the file that OPENCLAW_CONFIG_FILE names", () => {
    writeFileSync(
      join(stateDir, "config.json"),
      '{"gateway": {"provisioning": {"rateLimitPerMinute": 3, "allowDelete": true}}}',
    );
    writeFileSync(mounted(), settings);
    for (const env of [{ OPENCLAW_CONFIG: settings }, { OPENCLAW_CONFIG_FILE: mounted() }]) {
      const { provisioning } = readNodeSettings({ OPENCLAW_STATE_DIR: stateDir, ...env }).settings;
      expect(provisioning).toMatchObject({ enabled: true, rateLimitPerMinute: 7, allowDelete: false });
    }
    const empty = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_CONFIG: "", OPENCLAW_CONFIG_FILE: "" };
    expect(readNodeSettings(empty).settings.provisioning.rateLimitPerMinute).toBe(3);
  });

  it("are named by their place where they are wrong", () => {
    writeFileSync(mounted(), wrong);
    const read = (env: Record<string, string>) => () => readNodeSettings({ OPENCLAW_STATE_DIR: stateDir, ...env });
    expect(read({ OPENCLAW_CONFIG: wrong })).toThrow(/^OPENCLAW_CONFIG: gateway\.provisioning\.rateLimitPerMinute/);
    expect(read({ OPENCLAW_CONFIG: "{" })).toThrow(/^OPENCLAW_CONFIG: \w+ in line 1, column/);
    expect(read({ OPENCLAW_CONFIG_FILE: mounted() })).toThrow(`${mounted()}: gateway.provisioning.rateLimitPerMinute`);
    expect(read({ OPENCLAW_CONFIG_FILE: "/nowhere/x.json" })).toThrow(
      /OPENCLAW_CONFIG_FILE is \/nowhere.*ENOENT.*mount/,
    );
    expect(read({ OPENCLAW_CONFIG: settings, OPENCLAW_CONFIG_FILE: mounted() })).toThrow(/both set: leave one/);
  });

  it.each([
    "https://a example.org",
    "https://a.example.org/x\u0007",
    "https://a.example.org\tx",
    " https://a.example.org",
    "https://a.example.org\n",
  ])("a public URL of %j is refused, which agents would be given", (url) => {
    const config = JSON.stringify({ gateway: { provisioning: { publicUrl: url } } });
    const env = { OPENCLAW_STATE_DIR: stateDir };
    expect(() => readNodeSettings({ ...env, OPENCLAW_PUBLIC_URL: url })).toThrow(/^OPENCLAW_PUBLIC_URL is /);
    expect(() => readNodeSettings({ ...env, OPENCLAW_CONFIG: config })).toThrow(/publicUrl/);
  });
});

it.each([
  "OPENCLAW_GATEWAY_TOKEN",
  "OPENCLAW_ADMIN_TOKEN",
  "OPENCLAW_LINK_TOKEN",
  "OPENCLAW_PROVISIONING_SEAL_KEY",
  "OPENCLAW_PROVISIONING_STORAGE",
  "OPENCLAW_AI_PROVIDER_KEY",
  "OPENCLAW_WEBHOOK_SECRET",
  "AGENT_PROVISIONING_KEY",
  "ANTHROPIC_MASTER_KEY",
])("%s may be given as a file", (name) => {
  const path = join(stateDir, "secret");
  writeFileSync(path, "a-secret\n");
  expect(withSecretFiles({ [`${name}_FILE`]: path })[name]).toBe("a-secret");
});

it("a secret that is read again and takes a restart is named", () => {
  const file = (name: string, text: string) => {
    const path = join(stateDir, name);
    writeFileSync(path, text);
    return path;
  };
  const env = {
    OPENCLAW_STATE_DIR: stateDir,
    OPENCLAW_GATEWAY_TOKEN: "a-token-of-the-gateway",
    OPENCLAW_CONFIG: "{}",
    OPENCLAW_PROVISIONING_STORAGE_FILE: file("storage", "redis://older:6379"),
    OPENCLAW_AGENTS_URL: "http://openclaw-agents:18790",
    OPENCLAW_LINK_TOKEN_FILE: file("link", "the-older-link-token"),
  };
  const told: unknown[] = [];
  const reload = createReload(env, readNodeSettings(env), { log: (_level, _message, fields) => told.push(fields) });
  reload();
  file("storage", "redis://newer:6379");
  file("link", "the-newer-link-token");
  reload();
  const needRestart = ["OPENCLAW_PROVISIONING_STORAGE", "OPENCLAW_LINK_TOKEN"];
  expect(told).toEqual([{ changed: [] }, { changed: [] }, { needRestart }]);
});
