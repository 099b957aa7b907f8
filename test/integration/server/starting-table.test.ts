import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { diagnose } from "../../../adapters/node/diagnose.ts";
import type { ChangeMode } from "../../../adapters/node/files/store-check.ts";
import { openRedis } from "../../../adapters/node/redis/redis.ts";
import { startServer } from "../../../adapters/node/run-server.ts";
import { startFault } from "../../../adapters/node/start-fault.ts";
import type { DoctorReport } from "../../../src/cli/doctor-report.ts";
import { describeFailure } from "../../../src/cli/failure.ts";
import { storesForm } from "../../../src/storage/ledger-names.ts";
import { hasRedis, type RedisServer, startRedis } from "../../redis-server.ts";
import { type Identity, runBundle } from "../../run-bundle.ts";
import { sampleSealKey } from "../../sample-seal-key.ts";
import { adminToken, makeStateDir, token } from "../../server-process.ts";

/** The table of docs/starting.md: each text that a start can end with has a case here, and each case a row there. */
const page = readFileSync(new URL("../../../docs/starting.md", import.meta.url), "utf8");
const rows = page
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .flatMap((line) => [...line.split(" | ")[0]!.matchAll(/`([^`]+)`/g)].map(([, text]) => text!));

/** A row's text with what varies: `<...>` and `...` stand for anything, N for a number. */
function formOf(row: string): RegExp {
  const form = row
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replace(/\\\.\\\.\\\./g, ".*")
    .replace(/<[^>]+>/g, ".+")
    .replace(/\bN\b/g, "\\d+");
  return new RegExp(`^${form}${row.endsWith("...") ? "" : ".*"}$`);
}

const isRoot = process.getuid?.() === 0;

interface Deployment {
  stateDir: string;
  env: Record<string, string>;
  /** The path of a file of the store. */
  file(name: string): string;
  config(text: string): void;
  /** As an operator does. */
  cli(args: string[], stdin?: string): Promise<void>;
  /** Undone after the test. */
  after(undo: () => unknown): void;
}

interface Case {
  row: string;
  name?: string;
  /** Makes the deployment unable to start. */
  harm(deployment: Deployment): unknown;
  needs?: "root" | "Redis";
  /** As whom to start it: in a process of its own. */
  as?: Identity;
  chmod?: ChangeMode;
  /** Nothing was stored yet. */
  isNew?: true;
  /** Absent: `doctor` fails. */
  doctor?: "says nothing" | "warns";
  /** Absent: `doctor` has the same words, the remedy apart. */
  inDoctor?: string;
  /** In place of a start, for what no test can bring about. */
  said?(deployment: Deployment): string;
}

const variable = (row: string, name: string, value: string, more: Partial<Case> = {}): Case => ({
  row,
  name: `${name}=${value}`,
  harm: ({ env }) => {
    env[name] = value;
  },
  ...more,
});
const config = (row: string, text: string): Case => ({ row, name: text, harm: ({ config }) => config(text) });
const stored = (row: string, name: string, text: string): Case => ({
  row,
  name: `${name}: ${text}`,
  harm: ({ file }) => writeFileSync(file(name), text, { mode: 0o600 }),
});
const node: Identity = { uid: 1000, gid: 1000 };
const passesOver: ChangeMode = () => {};

function mount(stateDir: string, options: string): () => void {
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", stateDir], { stdio: "pipe" });
  return () => void execFileSync("umount", ["--lazy", stateDir]);
}

async function addProvider({ cli }: Deployment): Promise<void> {
  const add = ["ai-providers", "add", "--provider", "openai", "--name", "Master", "--no-verify", "--key", "-"];
  await cli(add, "sk-test-not-a-real-key");
}

const short = "<NAME> is shorter than 16 characters: ...";
const unprintable = "<NAME> must be printable ASCII without spaces and commas: ...";
const wrongVariable = "<NAME> is <value>; it must be ...";
const listening = "cannot listen on <host>, port N: ...";
const agentsUrl = { OPENCLAW_AGENTS_URL: "http://127.0.0.1:1" };

const cases: Case[] = [
  variable("OPENCLAW_GATEWAY_TOKEN is not set: ...", "OPENCLAW_GATEWAY_TOKEN", "", {
    doctor: "warns",
    inDoctor: "no gateway token",
  }),
  variable(short, "OPENCLAW_GATEWAY_TOKEN", "fifteen-letters", {
    inDoctor: "the gateway token is shorter than 16 characters",
  }),
  variable(short, "OPENCLAW_ADMIN_TOKEN", "fifteen-letters"),
  variable(unprintable, "OPENCLAW_GATEWAY_TOKEN", "of two words and no comma"),
  variable(unprintable, "OPENCLAW_ADMIN_TOKEN", "ein-langes-für-alle"),
  variable("OPENCLAW_ADMIN_TOKEN is the gateway token: ...", "OPENCLAW_ADMIN_TOKEN", token),
  {
    row: "OPENCLAW_LINK_TOKEN is <NAME>: ...",
    harm: ({ env }) => Object.assign(env, agentsUrl, { OPENCLAW_LINK_TOKEN: token }),
  },
  {
    row: "<NAME> and <NAME>_FILE are both set: ...",
    harm: ({ env }) => Object.assign(env, { OPENCLAW_GATEWAY_TOKEN_FILE: "/run/secrets/token" }),
  },
  {
    row: "<NAME>_FILE is <path>, which cannot be read (<code>): ...",
    harm: ({ env }) =>
      Object.assign(env, { OPENCLAW_GATEWAY_TOKEN: "", OPENCLAW_GATEWAY_TOKEN_FILE: "/nowhere/secret" }),
  },
  {
    row: "<NAME>_FILE is <path>, which is empty: ...",
    harm({ env, stateDir }) {
      const path = join(stateDir, "empty");
      writeFileSync(path, "\n");
      Object.assign(env, { OPENCLAW_GATEWAY_TOKEN: "", OPENCLAW_GATEWAY_TOKEN_FILE: path });
    },
  },
  variable("<source> is not 32 bytes in base64url ...", "OPENCLAW_PROVISIONING_SEAL_KEY", "c2hvcnQ"),
  stored("<source> is not 32 bytes in base64url ...", "seal.key", "c2hvcnQ\n"),
  {
    row: "the server of this state directory has its seal key from OPENCLAW_PROVISIONING_SEAL_KEY: ...",
    harm({ file }) {
      unlinkSync(file("seal.key"));
      writeFileSync(file("seal.given"), "", { mode: 0o600 });
    },
  },
  {
    row: "OPENCLAW_CONFIG and OPENCLAW_CONFIG_FILE are both set: ...",
    harm: ({ env }) => Object.assign(env, { OPENCLAW_CONFIG: "{}", OPENCLAW_CONFIG_FILE: "/config.json" }),
  },
  variable(
    "OPENCLAW_CONFIG_FILE is <path>, which cannot be read (<code>): ...",
    "OPENCLAW_CONFIG_FILE",
    "/nowhere/config.json",
  ),
  config("<source>: <fault> in line N, column N; ...", '{"gateway":\n{'),
  variable("<source>: <fault> in line N, column N; ...", "OPENCLAW_CONFIG", "{"),
  config("<source>: <setting> is <value>; ...", '{"gateway":{"provisioning":{"rateLimitPerMinute":"ten"}}}'),
  config("<source>: <section>: unknown setting <name>; ...", '{"gateway":{"provisioning":{"rateLimitPerMinut":10}}}'),
  config(
    "gateway.provisioning.trustedProxies has <value>; ...",
    '{"gateway":{"provisioning":{"trustedProxies":["10.0.0.0/99"]}}}',
  ),
  {
    row: "gateway.provisioning.workspaceRoots.N is <path>; ...",
    harm: ({ config, stateDir }) =>
      config(JSON.stringify({ gateway: { provisioning: { workspaceRoots: [join(stateDir, "provisioning")] } } })),
  },
  {
    row: "gateway.provisioning.audit.sink goes with the trail in files, ...",
    harm({ config, env }) {
      config('{"gateway":{"provisioning":{"audit":{"sink":"stdout"}}}}');
      env.OPENCLAW_PROVISIONING_STORAGE = "redis://127.0.0.1:1";
    },
  },
  {
    row: "gateway.provisioning.host.gateways, <id>: its token or key was sealed under another seal key; ...",
    async harm({ config, env, stateDir }) {
      const elsewhere = { ...env, OPENCLAW_PROVISIONING_SEAL_KEY: sampleSealKey(9), OPENCLAW_STATE_DIR: stateDir };
      const { stdout } = await runBundle(["provisioning", "seal"], elsewhere, "a-secret-of-a-gateway");
      const gateways = [{ id: "gw1", url: "http://127.0.0.1:1", token: stdout.trim() }];
      config(JSON.stringify({ gateway: { provisioning: { host: { kind: "remote", gateways } } } }));
    },
  },
  config(
    "gateway.provisioning.host.gateways names gateways, and the host is <kind>, ...",
    '{"gateway":{"provisioning":{"host":{"gateways":[{"id":"g","url":"http://127.0.0.1:1","token":"a-token"}]}}}}',
  ),
  variable(wrongVariable, "OPENCLAW_PROVISIONING_ENABLED", "maybe"),
  variable(wrongVariable, "OPENCLAW_PROVISIONING_HOST", "cloud"),
  variable(wrongVariable, "OPENCLAW_GATEWAY_PORT", "99999"),
  variable(wrongVariable, "OPENCLAW_DRAIN_SECONDS", "soon"),
  variable(wrongVariable, "OPENCLAW_WORKERS", "0"),
  variable(wrongVariable, "OPENCLAW_WORKERS", "all"),
  variable(wrongVariable, "OPENCLAW_PUBLIC_URL", "https://agents.example.org\n"),
  variable(wrongVariable, "OPENCLAW_PUBLIC_URL", "https://agents .example.org"),
  variable(wrongVariable, "OPENCLAW_AGENTS_URL", "openclaw-agents:18789"),
  variable(wrongVariable, "OPENCLAW_PROVISIONING_STORAGE", "mysql://127.0.0.1"),
  variable(wrongVariable, "HTTPS_PROXY", "socks5://proxy:1080"),
  {
    row: "OPENCLAW_AGENTS_URL is set, and the host is <kind>: ...",
    harm: ({ env }) =>
      Object.assign(env, agentsUrl, {
        OPENCLAW_PROVISIONING_HOST: "directory",
        OPENCLAW_LINK_TOKEN: "a-secret-of-the-link",
      }),
  },
  {
    row: "OPENCLAW_AGENTS_URL is set, and the gateway there has no way to know us: ...",
    harm: ({ env }) => Object.assign(env, agentsUrl),
  },
  {
    row: "OPENCLAW_LINK_DIGEST_FILE is <path>, which cannot be written (<code>): ...",
    harm: ({ env }) => Object.assign(env, agentsUrl, { OPENCLAW_LINK_DIGEST_FILE: "/nowhere/digest" }),
  },
  {
    row: 'The package "openclaw" cannot be used from here; ...',
    harm: ({ env, stateDir }) =>
      Object.assign(env, { OPENCLAW_PROVISIONING_HOST: "openclaw", OPENCLAW_PACKAGE_DIR: stateDir }),
  },
  {
    row: listening,
    name: "where something else listens",
    doctor: "says nothing",
    async harm({ env, after }) {
      const other = createServer().listen(0, "127.0.0.1");
      await new Promise((resolve) => other.once("listening", resolve));
      after(() => other.close());
      env.OPENCLAW_GATEWAY_PORT = String((other.address() as AddressInfo).port);
    },
  },
  variable(listening, "OPENCLAW_GATEWAY_HOST", "192.0.2.1", { doctor: "says nothing" }),
  variable(listening, "OPENCLAW_GATEWAY_HOST", "no-such-host.invalid", { doctor: "says nothing" }),
  {
    row: "<path> belongs to uid N, and this process runs as uid N: ...",
    isNew: true,
    needs: "root",
    harm: ({ stateDir }) => chownSync(stateDir, 1000, 1000),
  },
  {
    row: "<path> is shared with the group N (mode N), and this process runs as root: ...",
    isNew: true,
    needs: "root",
    harm({ stateDir }) {
      chownSync(stateDir, 0, 1000);
      chmodSync(stateDir, 0o2775);
    },
  },
  {
    row: "<path> cannot be used (EACCES): ...",
    needs: "root",
    isNew: true,
    as: node,
    harm: ({ stateDir }) => chmodSync(stateDir, 0o755),
  },
  {
    row: "<path> cannot be used (ENOTDIR): <path> is a file; ...",
    harm({ env, stateDir }) {
      writeFileSync(join(stateDir, "file"), "");
      env.OPENCLAW_STATE_DIR = join(stateDir, "file", "state");
    },
  },
  {
    row: "<path> cannot be used (EISDIR): ...",
    harm({ stateDir }) {
      rmSync(join(stateDir, "config.json"));
      mkdirSync(join(stateDir, "config.json"));
    },
  },
  {
    row: "<path> cannot be used (EROFS): ...",
    isNew: true,
    needs: "root",
    harm: ({ stateDir, after }) => after(mount(stateDir, "size=1m,mode=0700,ro")),
  },
  {
    row: "<path> cannot be used (ENOSPC): ...",
    isNew: true,
    needs: "root",
    harm({ stateDir, after }) {
      after(mount(stateDir, "size=16k,mode=0700"));
      writeFileSync(join(stateDir, "ballast"), Buffer.alloc(12_288));
    },
  },
  {
    row: "<path> cannot be used (EDQUOT): ...",
    harm: () => {},
    said({ stateDir }) {
      const refused = Object.assign(new Error("EDQUOT"), { code: "EDQUOT", path: join(stateDir, "provisioning") });
      return (startFault(refused, stateDir) as Error).message;
    },
  },
  {
    row: "<path> cannot be used (EDQUOT): ...",
    name: "of a write, whose refusal has no path",
    harm: () => {},
    said({ stateDir }) {
      const refused = Object.assign(new Error("EDQUOT: quota exceeded, write"), { code: "EDQUOT" });
      const { message } = startFault(new Error("the store cannot be opened", { cause: refused }), stateDir) as Error;
      expect(message).toContain(join(stateDir, "provisioning"));
      return message;
    },
  },
  {
    row: "<file> is open to others (mode N): ...",
    harm: ({ file }) => chmodSync(file("keys.json"), 0o644),
  },
  {
    row: ". (the state directory) can be written by others (mode N): ...",
    harm: ({ stateDir }) => chmodSync(stateDir, 0o777),
  },
  {
    row: "<file> is open to others (mode N), and the file system of <path> keeps no modes, ...",
    chmod: passesOver,
    harm: ({ file }) => chmodSync(file("seal.key"), 0o777),
  },
  {
    row: "<file> belongs to another user (uid N, the service runs as N): ...",
    needs: "root",
    harm: ({ file }) => chownSync(file("keys.json"), 12_345, 12_345),
  },
  {
    row: "<file> is a symbolic link: ...",
    harm({ file }) {
      unlinkSync(file("audit.jsonl"));
      symlinkSync("/dev/null", file("audit.jsonl"));
    },
  },
  {
    row: "<file> is not a file: ...",
    harm({ file }) {
      unlinkSync(file("keys.json"));
      mkdirSync(file("keys.json"));
    },
  },
  {
    row: "<file> is not a directory: ...",
    harm({ file }) {
      rmSync(file("agents"), { recursive: true });
      writeFileSync(file("agents"), "", { mode: 0o600 });
    },
  },
  {
    row: "<file> cannot be opened (<code>): ...",
    name: "a record",
    needs: "root",
    as: node,
    harm: (deployment) => takeAway(deployment, "keys.json"),
  },
  {
    row: "<path> cannot be used (EACCES): ...",
    name: "the ledger",
    needs: "root",
    as: node,
    harm: (deployment) => takeAway(deployment, "ledger.sqlite"),
  },
  stored("<file> is not valid JSON: ...", "keys.json", '{"version":1,"keys":['),
  stored("<file> is not valid JSON: ...", "keys.json", ""),
  stored("<file> is not valid JSON: ...", "agents/kept.json", "{"),
  stored("<file> has the version <value> instead of 1: ...", "keys.json", '{"version":0,"keys":[]}'),
  stored('<file> has no list "keys": ...', "keys.json", '{"version":1,"keys":{}}'),
  stored('<file> has an entry without an "id": ...', "keys.json", '{"version":1,"keys":[{}]}'),
  stored("<file> has two entries of the id <id>: ...", "keys.json", '{"version":1,"keys":[{"id":"a"},{"id":"a"}]}'),
  stored("<file> has a damaged entry <id> (<fields>): ...", "keys.json", '{"version":1,"keys":[{"id":"a"}]}'),
  stored("<file> is not a valid record (<fields>): ...", "agents/kept.json", '{"agentId":"kept"}'),
  stored(
    "<file> was written by a newer release (version <value>, this release reads 1): ...",
    "keys.json",
    '{"version":2,"keys":[]}',
  ),
  {
    row: "<file> was made by a newer release (version N, this release reads up to N): ...",
    harm: ({ file }) => setVersion(file("ledger.sqlite"), 999),
  },
  stored(
    "<file> is damaged: ...",
    "ledger.sqlite",
    "not a database at all, and long enough to be looked at".repeat(99),
  ),
  stored("<file> is damaged: ...", "locks.sqlite", "no database either".repeat(99)),
  { row: "<file> is empty: ...", harm: ({ file }) => truncateSync(file("ledger.sqlite")) },
  {
    row: "<file> is left of a file that is gone: ...",
    harm({ file }) {
      rmSync(file("ledger.sqlite"));
      writeFileSync(file("ledger.sqlite-wal"), "what was written last");
    },
  },
  { row: "<file> is not a ledger of this service: ...", harm: ({ file }) => setVersion(file("ledger.sqlite"), 0) },
  {
    row: "<file> cannot be shared between processes here ...",
    harm: ({ file }) => symlinkSync("nowhere", file("ledger.sqlite-shm")),
  },
  {
    row: "<file> is gone, and <file> holds secrets that were sealed under it: ...",
    async harm(deployment) {
      await addProvider(deployment);
      unlinkSync(deployment.file("seal.key"));
    },
  },
  {
    row: "AI provider <name>: The stored secret <id> (<provider>) cannot be opened: ...",
    async harm(deployment) {
      await addProvider(deployment);
      writeFileSync(deployment.file("seal.key"), `${sampleSealKey(9)}\n`, { mode: 0o600 });
    },
  },
  {
    row: "this instance's seal key (<id>) is not the one of the other instances on this Redis (<id>): ...",
    needs: "Redis",
    async harm({ env, cli, after }) {
      const redis = await startRedis();
      after(() => redis.dispose());
      env.OPENCLAW_PROVISIONING_STORAGE = redis.url;
      env.OPENCLAW_PROVISIONING_SEAL_KEY = sampleSealKey(1);
      await cli(["agent-keys", "list"]);
      env.OPENCLAW_PROVISIONING_SEAL_KEY = sampleSealKey(2);
    },
  },
  {
    row: "this Redis was written by a newer release (version <value>, this release reads 1): ...",
    needs: "Redis",
    async harm({ env, cli, after }) {
      const redis = await startRedis();
      after(() => redis.dispose());
      env.OPENCLAW_PROVISIONING_STORAGE = redis.url;
      env.OPENCLAW_PROVISIONING_SEAL_KEY = sampleSealKey(1);
      await cli(["agent-keys", "list"]);
      const { ledger, close } = await openRedis({ url: redis.url, clock: { now: Date.now } });
      await ledger.put(storesForm, "2");
      await close();
    },
  },
  {
    row: "OPENCLAW_PROVISIONING_STORAGE names a Redis that cannot be used: ...",
    needs: "Redis",
    async harm({ env, after }) {
      const redis: RedisServer = await startRedis();
      after(() => redis.dispose());
      env.OPENCLAW_PROVISIONING_STORAGE = redis.url.replace(/0$/, "99");
    },
  },
];

/** From the user whose the rest is. */
function takeAway({ stateDir, file }: Deployment, name: string): void {
  execFileSync("chown", ["-R", `${node.uid}:${node.gid}`, stateDir]);
  chmodSync(file(name), 0o000);
}

function setVersion(path: string, version: number): void {
  const db = new DatabaseSync(path);
  db.exec(`PRAGMA user_version = ${version}`);
  db.close();
}

let made: Deployment;
let undo: (() => unknown)[];
beforeEach(async () => {
  undo = [];
  const stateDir = await makeStateDir();
  const env: Record<string, string> = {
    OPENCLAW_STATE_DIR: stateDir,
    OPENCLAW_GATEWAY_TOKEN: token,
    OPENCLAW_ADMIN_TOKEN: adminToken,
    OPENCLAW_GATEWAY_PORT: "0",
  };
  made = {
    stateDir,
    env,
    file: (name) => join(stateDir, "provisioning", name),
    config: (text) => writeFileSync(join(stateDir, "config.json"), text, { mode: 0o600 }),
    async cli(args, stdin) {
      const { exitCode, stderr } = await runBundle(["provisioning", ...args], env, stdin);
      expect([exitCode, stderr]).toEqual([0, ""]);
    },
    after: (work) => undo.push(work),
  };
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const work of undo.reverse()) await work();
  rmSync(made.stateDir, { recursive: true, force: true });
});

/** A deployment that was in use. */
async function fill({ env, file }: Deployment): Promise<void> {
  const server = await startServer(env);
  await server.stop();
  const at = "2026-11-22T00:00:00.000Z";
  for (const name of ["keys.json", "ai-providers.json"])
    writeFileSync(file(name), JSON.stringify({ version: 1, keys: [], updatedAt: at }), { mode: 0o600 });
  mkdirSync(file("agents"), { mode: 0o700, recursive: true });
  writeFileSync(file("audit.jsonl"), "", { mode: 0o600 });
}

async function refusal({ as, chmod, said }: Case): Promise<string> {
  if (said) return said(made);
  if (as) {
    const { exitCode, stderr } = await runBundle(["serve"], made.env, "", as);
    expect(exitCode).toBe(1);
    return /^error: ([^\n]+)\n$/.exec(stderr)?.[1] ?? `not one line: ${stderr}`;
  }
  for (const [name, value] of Object.entries(made.env)) vi.stubEnv(name, value);
  try {
    const started = await startServer(made.env, { chmod });
    await started.stop();
    return "it started";
  } catch (error) {
    return describeFailure(error);
  }
}

async function doctor({ as, chmod }: Case): Promise<DoctorReport> {
  if (!as) return await diagnose(made.env, false, { chmod });
  const { exitCode, stdout } = await runBundle(["provisioning", "doctor", "--json"], made.env, "", as);
  const report = JSON.parse(stdout) as DoctorReport;
  expect(exitCode).toBe(report.ok ? 0 : 1);
  return report;
}

describe("the table of what a start is refused for", () => {
  it("has a row for every case, and every row a case", () => {
    expect(rows.length).toBeGreaterThan(40);
    expect([...new Set(cases.map(({ row }) => row))].sort()).toEqual([...rows].sort());
  });

  const possible = cases.filter(({ needs }) => (needs === "root" ? isRoot : needs === "Redis" ? hasRedis : true));
  if (possible.length < cases.length)
    console.warn("skipped, as they need root or Redis:", cases.length - possible.length);

  it.each(possible.map((one) => [one.row, one.name ?? "", one] as const))("%s %s", async (row, _, one) => {
    // A directory that is mounted, or given to another user, is empty at first.
    if (!one.isNew) await fill(made);
    await one.harm(made);
    const said = await refusal(one);
    expect(said).toMatch(formOf(row));
    if (said.includes("EACCES"))
      expect(said).toMatch(
        / belongs to uid \d+, gid \d+, mode \d{4}, and this process runs as uid \d+.*run "ch(mod|own) /,
      );
    // A remedy, and neither a stack nor a secret.
    expect(said).not.toMatch(/\n|\bat .*:\d+:\d+|test-gateway-token|test-admin-token/);
    if (one.said) return;

    const { ok, checks } = await doctor(one);
    if (one.doctor === "says nothing") return;
    expect(ok).toBe(one.doctor === "warns");
    const found = checks.filter(({ status }) => status !== "ok");
    // In the same words, its remedy apart.
    const told = found.map(({ detail, remedy }) => `${detail}: ${remedy ?? ""}`).join("\n");
    expect(told.replaceAll(/\s+/g, " ")).toContain(one.inDoctor ?? said.split(/: |; /)[0]!);
  });
});
