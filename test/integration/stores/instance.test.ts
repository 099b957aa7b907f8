import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createInstance, machineName } from "../../../adapters/node/instance.ts";

const script = fileURLToPath(new URL("../../fault/children/be-present.ts", import.meta.url));
const instance = createInstance();
const [host] = instance.id.split("-");
const operation = (owner: string) => `${owner}.0123456789abcdef`;
const startOf = (pid: number) => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ")[19];

const isLinux = process.platform === "linux";
if (!isLinux) console.warn("skipped: an instance's presence among processes, which is read from Linux's /proc");

describe.runIf(isLinux)("an instance", () => {
  let alive: ChildProcess;
  let gone: number;
  beforeAll(async () => {
    const short = spawn(process.execPath, ["-e", ""]);
    gone = short.pid!;
    await once(short, "exit");
    alive = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  });
  afterAll(() => alive.kill());

  it("is named by host, process and the moment that started", () => {
    expect(instance.id).toBe(`${host}-${process.pid}-${startOf(process.pid)}`);
    expect(createInstance().id).toBe(instance.id);
  });

  it("is not gone while it runs: itself, and others", () => {
    expect(instance.isGone(operation(instance.id))).toBe(false);
    expect(instance.isGone(operation(`${host}-${alive.pid}-${startOf(alive.pid!)}`))).toBe(false);
  });

  it("is gone when there is no such process", () => {
    expect(instance.isGone(operation(`${host}-${gone}-12345`))).toBe(true);
  });

  it("is gone when its number belongs to another process by now", () => {
    expect(instance.isGone(operation(`${host}-${alive.pid}-1`))).toBe(true);
    expect(instance.isGone(operation(`${host}-${process.pid}-1`))).toBe(true);
  });

  it("is not called gone where that cannot be known", () => {
    expect(instance.isGone(operation(`another${host}-${gone}-12345`))).toBe(false);
    // Without a start time, a process of that number may be the one.
    expect(instance.isGone(operation(`${host}-${alive.pid}-0`))).toBe(false);
    for (const owner of ["", "agent:my-agent", "..", `${host}-${gone}-12345`, "x#y"]) {
      expect([owner, instance.isGone(owner)]).toEqual([owner, false]);
    }
  });

  it("is named by its machine and space of pids, not by a hostname alone: one of the same name may be alive", () => {
    expect(host).toBe(machineName().replace(/[^A-Za-z0-9]/g, ""));
    const named = createInstance("same-hostname");
    const earlier = (id: string) => operation(id.replace(/\d+$/, "1"));
    expect(instance.isGone(earlier(instance.id))).toBe(true);
    expect(instance.isGone(earlier(named.id))).toBe(false);
  });

  describe("that shares files with those whose pids mean nothing to it", () => {
    let directory: string;
    beforeEach(async () => {
      directory = join(await mkdtemp(join(tmpdir(), "openclaw-presence-")), "instances");
    });
    afterEach(() => rmSync(dirname(directory), { recursive: true, force: true }));
    const elsewhere = async (name: string): Promise<{ id: string; kill(): Promise<void> }> => {
      const child = spawn(process.execPath, [script, name, directory], { stdio: ["ignore", "pipe", "inherit"] });
      const [line] = await once(child.stdout!, "data");
      return {
        id: String(line).trim(),
        async kill() {
          child.kill("SIGKILL");
          await once(child, "exit");
        },
      };
    };

    it("sees them alive until they are killed, and gone from that moment on", async () => {
      const here = createInstance("here", directory);
      const other = await elsewhere("elsewhere");
      expect(here.isGone(operation(other.id))).toBe(false);
      // A process that does not share the files is unknown to it.
      expect(createInstance("here").isGone(operation(other.id))).toBe(false);
      await other.kill();
      expect(createInstance("here").isGone(operation(other.id))).toBe(false);
      expect(here.isGone(operation(other.id))).toBe(true);
      expect(here.isGone(operation("never-1-2"))).toBe(false);
      here.close(false);
      // A process that comes later still knows.
      const later = createInstance("later", directory);
      expect(later.isGone(operation(other.id))).toBe(true);
      later.close(false);
    });

    it("leaves no file behind, unless it leaves work", async () => {
      const [one, again] = [createInstance("here", directory), createInstance("here", directory)];
      one.close(false);
      // This process has the files open still.
      expect(readdirSync(directory)).toEqual([`${again.id}.lock`]);
      expect(statSync(join(directory, `${again.id}.lock`)).mode & 0o777).toBe(0o600);
      again.close(false);
      expect(readdirSync(directory)).toEqual([]);
      createInstance("here", directory).close(true);
      const later = createInstance("later", directory);
      expect(later.isGone(operation(one.id))).toBe(true);
      const anHourAgo = Date.now() / 1000 - 3_601;
      utimesSync(join(directory, `${one.id}.gone`), anHourAgo, anHourAgo);
      createInstance("last", directory).close(false);
      expect(readdirSync(directory)).toEqual([`${later.id}.lock`]);
      later.close(false);
    });

    it("starts though it cannot say that it lives", () => {
      writeFileSync(directory, "in the way");
      const here = createInstance("here", directory);
      expect(here.isGone(operation("elsewhere-1-2"))).toBe(false);
      here.close(true);
    });
  });
});
