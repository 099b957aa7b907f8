import { execFile } from "node:child_process";
import fs, {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openDirectoryHost } from "../../adapters/node/directory-host/directory-host.ts";
import { Problem } from "../../src/errors.ts";
import type { HostCreate } from "../../src/ports.ts";
import { found } from "../conformance/agent-host.ts";
import { changingCalls } from "./children/changing-calls.ts";

let home: string;
let stateDir: string;
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "directory-host-fault-")));
  stateDir = join(home, ".openclaw");
});
afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  rmSync(home, { recursive: true, force: true });
});

const everything = { workspace: true, sessions: true };
const agent: HostCreate = {
  agentId: "my-agent",
  name: "My Agent",
  bindings: ["telegram:*"],
  skipBootstrap: false,
  awaitReady: true,
  credential: { provider: "anthropic", apiKey: "sk-test-not-a-real-key", metered: true },
  operationId: "op-1",
};

/** Path and content of everything there is. */
function snapshot(): Record<string, string> {
  const paths = readdirSync(stateDir, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    // A path put aside is in nobody's way, and swept at the next start.
    paths
      .filter((one) => !one.name.endsWith(".tmp"))
      .map((one) => {
        const path = join(one.parentPath, one.name);
        return [path, one.isFile() ? readFileSync(path, "utf8") : "directory"];
      }),
  );
}

/** Fails the changing call of that number, and every later one of its name that writes. */
function failAt(number: number): { calls: () => number } {
  let calls = 0;
  for (const name of changingCalls) {
    const real = fs[name] as (...args: unknown[]) => unknown;
    vi.spyOn(fs, name as "mkdirSync").mockImplementation((...args: unknown[]) => {
      if (++calls !== number || name === "closeSync") return real(...args) as undefined;
      const error = Object.assign(new Error(`ENOSPC: no space left, ${String(args[0])}`), {
        code: "ENOSPC",
        syscall: name,
      });
      const callback = args.at(-1);
      if (typeof callback !== "function") throw error;
      queueMicrotask(() => callback(error));
      return undefined;
    });
  }
  syncBuiltinESMExports();
  return { calls: () => calls };
}

test.each(["nothing before it", "a workspace that was there", "sessions of an earlier agent"])(
  "a full disk at any call leaves no half agent: %s",
  async (before) => {
    let failures = 0;
    for (let number = 1; ; number++) {
      rmSync(stateDir, { recursive: true, force: true });
      const host = openDirectoryHost({ stateDir, home });
      if (before === "a workspace that was there") {
        mkdirSync(join(stateDir, "workspace-my-agent"));
        writeFileSync(join(stateDir, "workspace-my-agent", "SOUL.md"), "theirs");
      } else if (before === "sessions of an earlier agent") {
        await host.create({ ...agent, operationId: "op-0" });
        await host.remove({ ...agent, operationId: "op-0" }, { workspace: true, sessions: false });
      }
      const start = snapshot();
      failAt(number);
      const result = await host.create(agent).then(
        () => undefined,
        (error: unknown) => error,
      );
      vi.restoreAllMocks();
      syncBuiltinESMExports();
      if (result === undefined) {
        // A close, or a clearing up, may fail without harm; past the last call nothing fails any more.
        expect(await host.inspect(agent)).toMatchObject({ workspace: "ok", credentials: "ok" });
        if (number > 60) break;
        continue;
      }
      failures++;
      expect(result).toBeInstanceOf(Problem);
      expect(result).toMatchObject({ code: "store_unwritable" });
      expect((result as Problem).message).not.toContain(home);
      expect(snapshot()).toEqual(start);
      expect(await found(host, "my-agent")).toBeUndefined();
      expect((await host.create(agent)).bindings.added).toEqual(["telegram:*"]);
    }
    expect(failures).toBeGreaterThan(15);
  },
);

const script = fileURLToPath(new URL("children/make-agent-and-die.ts", import.meta.url));
const removal = fileURLToPath(new URL("children/remove-unwritable.ts", import.meta.url));
const run = promisify(execFile);

test("killed at any call, an agent is whole, or can be undone to nothing", async () => {
  const seen = { whole: 0, undone: 0 };
  const killed = async (number: number) => {
    const place = join(home, String(number));
    const state = join(place, ".openclaw");
    const died = await run(process.execPath, [script, state, place, String(number)]).then(
      ({ stdout }) => stdout !== "made",
      (error: { signal?: string }) => {
        expect(error.signal).toBe("SIGKILL");
        return true;
      },
    );
    const host = openDirectoryHost({ stateDir: state, home: place });
    const there = await found(host, "my-agent");
    if (there) {
      seen.whole++;
      expect(await host.inspect(there)).toMatchObject({ workspace: "ok", agentDir: "ok", credentials: "ok" });
    } else {
      seen.undone++;
      expect((await host.list({ limit: 10 })).agents).toEqual([]);
    }
    await host.remove(agent, everything);
    const left = readdirSync(state, { recursive: true }).filter(
      (name) => !/^(agents(\/\..+\.tmp)?(\/|$)|provisioning(\/(homes|workspaces)\.sqlite)?$)/.test(String(name)),
    );
    expect(left).toEqual([]);
    expect(readdirSync(join(state, "agents")).filter((name) => !name.startsWith("."))).toEqual([]);
    expect(existsSync(join(state, "workspace-my-agent"))).toBe(false);
    await host.create({ ...agent, operationId: "op-2" });
    return died;
  };
  for (let number = 1; (await Promise.all([killed(number), killed(number + 1)])).some(Boolean); number += 2);
  expect(seen.undone).toBeGreaterThan(15);
  expect(seen.whole).toBeGreaterThan(2);
}, 120_000);

describe("directories that may not be written to", () => {
  const root = process.getuid?.() === 0;
  // Modes do not bind root.
  const uid = root ? 65_534 : process.getuid!();
  const remove = async (own: boolean) => {
    const outside = join(home, "outside");
    mkdirSync(outside);
    chmodSync(outside, 0o555);
    mkdirSync(stateDir);
    if (root) for (const path of [home, stateDir, outside]) chownSync(path, uid, uid);
    const { stdout } = await run(process.execPath, [removal, stateDir, home, String(uid), outside, String(own)]);
    expect((statSync(outside).mode & 0o777).toString(8)).toBe("555");
    return JSON.parse(stdout);
  };

  test("go with the workspace and the sessions that they are in, and nothing that a link leads to is opened", async () => {
    const { answer, there } = await remove(true);
    expect(answer).toEqual({ deleted: ["entry", "agentDir", "sessions", "workspace"], preserved: [] });
    expect(there).toBe(false);
    expect(readdirSync(join(stateDir, "agents"))).not.toContain("my-agent");
  });

  // Only root can leave what its owner may not remove.
  if (!root) console.warn("skipped, as it takes root to make what another may not remove: preserved workspaces");
  test.runIf(root)("of another user are preserved, and the rest of the agent goes", async () => {
    const { answer, again, there } = await remove(false);
    expect(answer).toEqual({ deleted: ["entry", "agentDir", "sessions"], preserved: ["workspace"] });
    expect(again).toEqual({ deleted: [], preserved: [] });
    expect(there).toBe(true);
    expect(existsSync(join(stateDir, "workspace-my-agent/theirs/file"))).toBe(true);
    expect(readdirSync(join(stateDir, "agents"))).not.toContain("my-agent");
  });
});
