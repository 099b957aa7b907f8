import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runBundle } from "../../run-bundle.ts";
import { adminToken, makeStateDir, startServerProcess, token } from "../../server-process.ts";

let stateDir: string;
beforeEach(async () => {
  stateDir = await makeStateDir();
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

/** The one line on stderr; nothing else may have been said. */
async function refusal(env: Record<string, string> = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await runBundle(["serve"], {
    OPENCLAW_STATE_DIR: stateDir,
    OPENCLAW_GATEWAY_TOKEN: token,
    OPENCLAW_ADMIN_TOKEN: adminToken,
    OPENCLAW_GATEWAY_PORT: "0",
    ...env,
  });
  expect(exitCode).toBe(1);
  // The log may have had its say; a person reads the one line on stderr.
  for (const line of stdout.split("\n").filter(Boolean)) JSON.parse(line);
  expect(stderr).toMatch(/^error: [^\n]+\n$/);
  expect(stderr).not.toMatch(/\bat .*:\d+:\d+|test-gateway-token|test-admin-token/);
  return stderr;
}

it("the server starts with the gateway token of the setup guide", async () => {
  const server = await startServerProcess(stateDir, { OPENCLAW_GATEWAY_TOKEN: "your-gateway-token-here" });
  const ask = (text: string) =>
    fetch(`${server.origin}/api/v1/agents`, { headers: { authorization: `Bearer ${text}` } });
  expect((await ask("your-gateway-token-here")).status).not.toBe(401);
  expect((await ask("your-gateway-token-her")).status).toBe(401);
  expect(await server.stop()).toBe(0);
});

describe("the server does not start", () => {
  it("without a gateway token, and says how to make one", async () => {
    expect(await refusal({ OPENCLAW_GATEWAY_TOKEN: "" })).toMatch(/OPENCLAW_GATEWAY_TOKEN is not set.*openssl rand/);
  });

  it.each(["two words", "tökên"])("with the gateway token %j, which no header can carry", async (text) => {
    const expected = /OPENCLAW_GATEWAY_TOKEN must be printable ASCII without spaces and commas: .*openssl rand/;
    expect(await refusal({ OPENCLAW_GATEWAY_TOKEN: text })).toMatch(expected);
  });

  it("with two gateway tokens of which one may be guessed", async () => {
    const text = "your-gateway-token-here,short";
    expect(await refusal({ OPENCLAW_GATEWAY_TOKEN: text })).toMatch(/OPENCLAW_GATEWAY_TOKEN is shorter than 16/);
  });

  it.each(["t", "fifteen-letters"])("with the gateway token %j, which may be guessed", async (text) => {
    const said = await refusal({ OPENCLAW_GATEWAY_TOKEN: text });
    expect(said).toMatch(/OPENCLAW_GATEWAY_TOKEN is shorter than 16 characters: .*openssl rand -hex 32 .*node -p /);
    // The command that it gives makes one that is taken.
    const [, script = ""] = /node -p "([^"]+)"/.exec(said) ?? [];
    const made = execFileSync(process.execPath, ["-p", script], { encoding: "utf8" }).trim();
    expect(made).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ["x", /OPENCLAW_ADMIN_TOKEN is shorter than 16 characters: .*openssl rand/],
    ["a-long-one,and-a-comma", /OPENCLAW_ADMIN_TOKEN is shorter than 16/],
    ["ein-langes-für-alle", /OPENCLAW_ADMIN_TOKEN must be printable ASCII/],
    [token, /OPENCLAW_ADMIN_TOKEN is the gateway token/],
  ])("with the admin token %j", async (text, expected) => {
    expect(await refusal({ OPENCLAW_ADMIN_TOKEN: text })).toMatch(expected);
  });

  it("with a wrong setting", async () => {
    writeFileSync(join(stateDir, "config.json"), '{"gateway":{"provisioning":{"rateLimitPerMinute":"ten"}}}');
    expect(await refusal()).toMatch(/config\.json: gateway\.provisioning\.rateLimitPerMinute is "ten"; .*number/);
    writeFileSync(join(stateDir, "config.json"), '{"gateway":{"provisioning":{"trustedProxies":["10.0.0.0/99"]}}}');
    expect(await refusal()).toMatch(/trustedProxies has "10\.0\.0\.0\/99"; use an address or a range/);
    writeFileSync(join(stateDir, "config.json"), '{"gateway":{"provisioning":{"workspaceRoots":["here"]}}}');
    expect(await refusal()).toMatch(/workspaceRoots\.0 is "here"; it must be an absolute path/);
  });

  it("with a seal key of another length", async () => {
    expect(await refusal({ OPENCLAW_PROVISIONING_SEAL_KEY: "c2hvcnQ" })).toMatch(/SEAL_KEY is not 32 bytes.*openssl/);
  });

  it("where something else listens", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as AddressInfo;
    expect(await refusal({ OPENCLAW_GATEWAY_PORT: String(port) })).toMatch(
      /something else listens.*OPENCLAW_GATEWAY_PORT/,
    );
    other.close();
  });
});

describe("the server does not start on a store that cannot be believed, and leaves it as it is", () => {
  const file = (name: string) => join(stateDir, "provisioning", name);
  const damage: [string, string, () => void, RegExp][] = [
    [
      "a key store that is not JSON",
      "keys.json",
      () => writeFileSync(file("keys.json"), '{"version":1,"keys":['),
      /keys\.json is not valid JSON: restore it/,
    ],
    [
      "a key store of another shape",
      "keys.json",
      () => writeFileSync(file("keys.json"), '{"version":1,"keys":[{"id":5}],"updatedAt":"x"}'),
      /keys\.json/,
    ],
    [
      "a key store of a newer release",
      "keys.json",
      () => writeFileSync(file("keys.json"), '{"version":2,"keys":[],"updatedAt":"x"}'),
      /keys\.json was written by a newer release \(version 2, this release reads 1\): run that release/,
    ],
    ["an empty key store", "keys.json", () => writeFileSync(file("keys.json"), ""), /keys\.json is not valid JSON/],
    [
      "a key store that others can read",
      "keys.json",
      () => chmodSync(file("keys.json"), 0o644),
      /keys\.json is open to others \(mode 0644\): run "chmod 600/,
    ],
    [
      "master keys that others can read",
      "ai-providers.json",
      () => chmodSync(file("ai-providers.json"), 0o644),
      /ai-providers\.json is open to others \(mode 0644\)/,
    ],
    [
      "a damaged agent",
      "agents/kept.json",
      () => writeFileSync(file("agents/kept.json"), "{"),
      /agents\/kept\.json is not valid JSON/,
    ],
    [
      "an AI key's record that others can write",
      "ai-keys/kept.json",
      () => chmodSync(file("ai-keys/kept.json"), 0o602),
      /ai-keys\/kept\.json is open to others/,
    ],
    [
      "an audit trail that others can read",
      "audit.jsonl",
      () => chmodSync(file("audit.jsonl"), 0o604),
      /audit\.jsonl is open to others/,
    ],
    [
      "a link in place of the trail",
      "audit.jsonl",
      () => {
        unlinkSync(file("audit.jsonl"));
        symlinkSync("/dev/null", file("audit.jsonl"));
      },
      /audit\.jsonl is a symbolic link/,
    ],
    [
      "a directory that others can enter",
      ".",
      () => chmodSync(file("."), 0o755),
      /provisioning is open to others \(mode 0755\).*chmod 700/,
    ],
  ];

  beforeEach(() => {
    for (const directory of ["", "agents", "ai-keys"]) mkdirSync(file(directory), { mode: 0o700 });
    const at = "2026-11-22T00:00:00.000Z";
    const write = (name: string, value: unknown) => writeFileSync(file(name), JSON.stringify(value), { mode: 0o600 });
    write("keys.json", { version: 1, keys: [], updatedAt: at });
    write("ai-providers.json", { version: 1, keys: [], updatedAt: at });
    write("agents/kept.json", {
      agentId: "kept",
      name: "Kept",
      bindings: [],
      credentials: [],
      suspended: false,
      operationId: "op",
      createdAt: at,
      updatedAt: at,
    });
    write("ai-keys/kept.json", {
      keyId: "kept",
      agentId: "kept",
      provider: "anthropic",
      mode: "virtual",
      aiProviderId: "p",
      createdAt: at,
      state: { version: 1, status: "active", digest: "0".repeat(64), quotas: {} },
    });
    writeFileSync(file("audit.jsonl"), "", { mode: 0o600 });
  });

  it.each(damage)("%s", async (_, name, harm, message) => {
    harm();
    const look = () => {
      const { mode, uid, ino } = lstatSync(file(name));
      return { mode, uid, ino, text: name === "." ? "" : readFileSync(file(name), "utf8") };
    };
    const before = look();
    expect(await refusal()).toMatch(message);
    expect(look()).toEqual(before);
  });

  const isRoot = process.getuid?.() === 0;
  if (!isRoot) console.warn("skipped: files of another owner can only be made by root");

  it.runIf(isRoot)("a file of another user", async () => {
    chownSync(file("keys.json"), 12_345, 12_345);
    expect(await refusal()).toMatch(/keys\.json belongs to another user \(uid 12345.*chown/);
    expect(statSync(file("keys.json")).uid).toBe(12_345);
  });
});
