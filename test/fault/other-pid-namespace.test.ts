import { execFile, spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keyedClient, makeStateDir, startServerProcess, token } from "../server-process.ts";

const run = promisify(execFile);
/** As a container has it: pids of its own, on the same kernel and with the same files and hostname. */
const unshare = ["--pid", "--fork", "--mount-proc"];
const canUnshare = spawnSync("unshare", [...unshare, "true"]).status === 0;

if (!canUnshare) console.warn("skipped: a process in another space of pids, which unshare cannot make here");

describe.runIf(canUnshare)("a process in another space of pids, with the same hostname", () => {
  let stateDir: string;
  beforeEach(async () => {
    stateDir = await makeStateDir();
  });
  afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

  /** Resolves to what `doctor --fix` says of changes that it takes for interrupted. */
  async function doctorElsewhere(): Promise<string[]> {
    const command = [process.execPath, "dist/index.js", "provisioning", "doctor", "--fix", "--json"];
    const env = { ...process.env, OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: token };
    const { stdout } = await run("unshare", [...unshare, ...command], { env }).catch((error) => error);
    const { checks } = JSON.parse(stdout) as { checks: { name: string; status: string; detail: string }[] };
    return checks.filter(({ name }) => name === "interrupted changes").map(({ status }) => status);
  }

  it("undoes nothing that is under way", async () => {
    const server = await startServerProcess(stateDir);
    const { client } = await keyedClient(server.origin);
    const names = Array.from({ length: 400 }, (_, at) => `agent-${at}`);
    let creating = true;
    const made = Promise.allSettled(names.map((name) => client.agents.create({ name }))).finally(() => {
      creating = false;
    });
    const looks: string[] = [];
    while (creating) looks.push(...(await doctorElsewhere()));
    expect((await made).filter(({ status }) => status === "rejected")).toEqual([]);
    expect(new Set(looks)).toEqual(new Set(["ok"]));
    for (const name of names)
      expect([name, existsSync(join(stateDir, "agents", name, "agent.json"))]).toEqual([name, true]);
    expect(await server.stop()).toBe(0);
  }, 60_000);

  it("undoes at once what one left that was killed", async () => {
    const server = await startServerProcess(stateDir);
    const { client } = await keyedClient(server.origin);
    const creating = Array.from({ length: 400 }, (_, at) => client.agents.create({ name: `agent-${at}` }));
    const ended = Promise.allSettled(creating);
    await Promise.race(creating);
    await server.kill();
    await ended;
    expect(await doctorElsewhere()).toEqual(["fixed"]);
    expect(await doctorElsewhere()).toEqual(["ok"]);
  }, 60_000);

  it("stops as process 1 when it is told to while it still loads", async () => {
    const hook = `import { registerHooks } from "node:module";
      registerHooks({ load(url, context, next) {
        const loaded = next(url, context);
        if (String(loaded.source).includes("the output cannot be written")) process.kill(1, "SIGTERM");
        return loaded;
      } });`;
    const early = ["--import", `data:text/javascript,${encodeURIComponent(hook)}`];
    const env = {
      ...process.env,
      OPENCLAW_STATE_DIR: stateDir,
      OPENCLAW_GATEWAY_TOKEN: token,
      OPENCLAW_GATEWAY_PORT: "0",
    };
    const command = [...unshare, "--kill-child", process.execPath, ...early, "dist/index.js"];
    expect(await run("unshare", command, { env, timeout: 20_000, killSignal: "SIGKILL" })).toMatchObject({
      stderr: "",
    });
  }, 60_000);
});
