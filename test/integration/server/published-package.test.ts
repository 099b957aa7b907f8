import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../free-port.ts";

/** The program of a person who has the package and nothing else of ours. */
const program = `
import { ClientError, type CreateAgent, createClient } from "openclaw-provisioning/client";

const client = createClient({ url: "http://127.0.0.1:1", token: "t", provisioningKey: "k", retries: 0 });
const body: CreateAgent = { name: "my-agent", autoProvisionAiKey: { provider: "anthropic" } };
export async function run(): Promise<string> {
  try {
    const agent = await client.agents.create(body);
    for await (const { agentId, status } of client.agents.all()) console.log(agentId, status);
    return agent.agentId;
  } catch (error) {
    return error instanceof ClientError ? error.code : "another";
  }
}
// @ts-expect-error a field that the API does not have
export const wrong: CreateAgent = { nam: "my-agent" };
`;

const strict = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  module: "NodeNext",
  target: "ES2024",
  skipLibCheck: false,
  types: [],
  outDir: "out",
};

describe("the package that npm makes", () => {
  let directory: string;
  let files: string[];
  let stranger: string;
  let tarball: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "openclaw-package-"));
    // A copy: packing builds anew, and the other tests run what is built.
    const source = join(directory, "source");
    const left = new Set([".git", "node_modules", "dist"].map((name) => resolve(name)));
    cpSync(".", source, { recursive: true, filter: (from) => !left.has(resolve(from)) });
    symlinkSync(resolve("node_modules"), join(source, "node_modules"));
    const packed = execFileSync("npm", ["pack", "--json", "--pack-destination", directory], {
      cwd: source,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    // The build's output stands before it.
    const [pack] = JSON.parse(packed.slice(packed.search(/^\[\s*\{/m))) as [
      { filename: string; files: { path: string }[] },
    ];
    tarball = join(directory, pack.filename);
    files = pack.files.map(({ path }) => path);
    stranger = join(directory, "stranger");
    const modules = join(stranger, "node_modules");
    const installed = join(modules, "openclaw-provisioning");
    mkdirSync(installed, { recursive: true });
    execFileSync("tar", ["-xzf", tarball, "--strip-components=1", "-C", installed]);
    const { dependencies } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as {
      dependencies: Record<string, string>;
    };
    for (const name of Object.keys(dependencies)) symlinkSync(resolve("node_modules", name), join(modules, name));
    writeFileSync(join(stranger, "package.json"), JSON.stringify({ name: "stranger", type: "module" }));
    writeFileSync(join(stranger, "tsconfig.json"), JSON.stringify({ compilerOptions: strict, files: ["main.ts"] }));
    writeFileSync(join(stranger, "main.ts"), program);
  }, 120_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it("passes on the licence of each library that it holds", () => {
    const installed = join(stranger, "node_modules/openclaw-provisioning/dist");
    const legal = (file: string) => readFileSync(join(installed, `${file}.LEGAL.txt`), "utf8");
    const named = (file: string) => [...legal(file).matchAll(/^(\S+) \d\S+ \(\S+\)$/gm)].map(([, name]) => name);
    expect(named("index.js")).toEqual(expect.arrayContaining(["ioredis", "jose", "preact", "undici", "zod"]));
    expect(named("openclaw-plugin/index.js")).toEqual(named("index.js"));
    expect(named("worker.js")).toEqual(["itty-router", "jose", "preact", "unstorage", "zod"]);
    expect(legal("worker.js").match(/^.*Copyright .*$/gim)!.length).toBeGreaterThanOrEqual(5);
  });

  it("holds what is run and what is read, and nothing of how it was made", () => {
    expect(files).toEqual(
      expect.arrayContaining([
        "LICENSE",
        "README.md",
        "docs/openclaw.md",
        "dist/index.js",
        "dist/worker.js",
        "dist/client.js",
        "dist/types/client/client.d.ts",
        "dist/openclaw-plugin/index.js",
        "dist/openclaw-plugin/openclaw.plugin.json",
        "dist/openclaw-plugin/package.json",
      ]),
    );
    const others = files.filter((file) => !/^(dist|docs)\/|^(LICENSE|README\.md|package\.json)$/.test(file));
    expect(others).toEqual([]);
  });

  it("gives a stranger's strict project a client that compiles and runs", () => {
    const run = (...command: string[]) =>
      execFileSync(process.execPath, command, { cwd: stranger, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    try {
      run(resolve("node_modules/typescript/bin/tsc"), "-p", ".");
    } catch (error) {
      expect((error as { stdout: string }).stdout).toBe("");
      throw error;
    }
    expect(
      run("--input-type=module", "-e", "import('./out/main.js').then(async (m) => console.log(await m.run()))"),
    ).toBe("network_error\n");
  });

  it("serves on a machine that has npm and a directory", async () => {
    const bare = join(directory, "bare");
    mkdirSync(bare);
    writeFileSync(join(bare, "package.json"), JSON.stringify({ name: "bare", private: true }));
    execFileSync("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball], {
      cwd: bare,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const port = await freePort();
    const token = randomBytes(24).toString("hex");
    const server = spawn(join(bare, "node_modules/.bin/openclaw-provisioning"), ["serve"], {
      cwd: bare,
      env: {
        PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
        HOME: bare,
        OPENCLAW_GATEWAY_PORT: String(port),
        OPENCLAW_PROVISIONING_ENABLED: "true",
        OPENCLAW_GATEWAY_TOKEN: token,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [server.stdout, server.stderr]) stream.on("data", (chunk) => (said += String(chunk)));
    const ended = once(server, "exit");
    try {
      const url = `http://127.0.0.1:${port}`;
      await expect
        .poll(
          () =>
            fetch(`${url}/healthz`).then(
              ({ status }) => status,
              () => said,
            ),
          { timeout: 15_000 },
        )
        .toBe(200);
      const listed = await fetch(`${url}/api/v1/agents`, { headers: { authorization: `Bearer ${token}` } });
      expect(await listed.json()).toEqual({ agents: [] });
    } finally {
      server.kill("SIGTERM");
      await ended;
    }
  }, 120_000);
});
