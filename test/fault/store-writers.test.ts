import { execFile, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createStorage } from "unstorage";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createAuditFile } from "../../adapters/node/audit/audit-file.ts";
import { createFileLock } from "../../adapters/node/files/file-lock.ts";
import { createPrivateFs } from "../../adapters/node/files/private-fs.ts";
import { createRecords } from "../../src/storage/records.ts";
import { sampleRecords } from "../conformance/sample-records.ts";
import { killedAfter } from "./killed-after.ts";

const run = promisify(execFile);
const child = (name: string) => join(import.meta.dirname, "children", `${name}.ts`);

describe("the files of the store", () => {
  let stateDir: string;
  const openRecords = () => {
    const files = createPrivateFs({ stateDir });
    const storage = createStorage({ driver: files.driver });
    return { files, records: createRecords(storage, files.page, files.replace), close: () => storage.dispose() };
  };
  const openTrail = () => createAuditFile({ stateDir, clock: { now: Date.now } });
  const leftovers = () => readdirSync(stateDir, { recursive: true }).filter((name) => String(name).endsWith(".tmp"));

  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), "store-writers-"));
  });
  afterEach(() => rmSync(stateDir, { recursive: true }));

  it("lose nothing of what four processes write at once", async () => {
    const names = ["a", "b", "c", "d"];
    await Promise.all(names.map((name) => run(process.execPath, [child("store-keys"), stateDir, name, "100"])));
    const { files, records, close } = openRecords();
    const ids = (await records.list("keys")).items.map(({ id }) => id);
    const expected = names.flatMap((name) =>
      Array.from({ length: 100 }, (_, i) => i)
        .filter((i) => i % 10 !== 0)
        .map((i) => `${name}${i}`),
    );
    expect(ids).toEqual(expected.sort());
    expect((await records.list("agents")).items).toHaveLength(80);
    expect(await files.check()).toEqual([]);
    expect(leftovers()).toEqual([]);
    await close();
  });

  /** Resolves to the events that a child had called durable when it was killed. */
  const killed = (lines: number, name: string) => killedAfter(lines, child("audit-load"), stateDir, name);

  it("hold a chain that verifies, with every durable event, after processes were killed while appending", async () => {
    const durable: string[] = [];
    for (let round = 0; round < 4; round++) {
      durable.push(...(await Promise.all([killed(300 + 97 * round, `${round}a`), killed(250, `${round}b`)])).flat());
      const trail = openTrail();
      expect(await trail.verify()).toMatchObject({ ok: true });
      const started = performance.now();
      await trail.append({ phase: "event", action: "after", actor: "cli", target: `after-${round}` });
      durable.push(`after-${round}`);
      // The dead hold no lock.
      expect(performance.now() - started).toBeLessThan(2000);
      const verdict = await trail.verify();
      const { events } = await trail.read({ limit: 1_000_000 });
      expect(verdict).toEqual({ ok: true, events: events.length });
      const targets = new Set(events.map(({ target }) => target));
      expect(targets.size).toBe(events.length);
      expect(durable.filter((target) => !targets.has(target))).toEqual([]);
      await trail.close();
    }
  });

  it("are locked by one process at a time, and unlocked when it is killed", async () => {
    const path = join(stateDir, "lock.sqlite");
    const holder = spawn(
      process.execPath,
      [
        "--input-type=module",
        "-e",
        `const { createFileLock } = await import(process.argv[1]);
         await createFileLock(process.argv[2]).run(async () => { console.log("held"); await new Promise((r) => setTimeout(r, 60_000)); });`,
        new URL("../../adapters/node/files/file-lock.ts", import.meta.url).href,
        path,
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    await new Promise((resolve) => holder.stdout.once("data", resolve));
    const impatient = createFileLock(path, { waitMs: 100 });
    await expect(impatient.run(() => "never")).rejects.toMatchObject({
      code: "store_unwritable",
      message: "Another process holds the store",
    });
    await impatient.close();
    const patient = createFileLock(path);
    const waiting = patient.run(() => "had");
    holder.kill("SIGKILL");
    expect(await waiting).toBe("had");
    await patient.close();
  });

  describe("on a full disk", () => {
    let mounted = false;
    afterEach(() => {
      if (mounted) execFileSync("umount", [stateDir]);
      mounted = false;
    });

    it("answer 503 and keep what was there", async () => {
      try {
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", stateDir], { stdio: "ignore" });
        mounted = true;
      } catch {
        // Not allowed here: a limit on the size of files stops the same writes with EFBIG.
      }
      console.info(`a full disk: ${mounted ? "a tmpfs of 2 MB" : "no right to mount, so files limited to 1 MB"}`);
      const limit = mounted ? "" : "ulimit -f 2048; ";
      const { stdout } = await run("/bin/sh", [
        "-c",
        `${limit}exec "$0" "$@"`,
        process.execPath,
        child("store-fill"),
        stateDir,
      ]);
      const { told, sizes, verdict, findings } = JSON.parse(stdout);
      for (const part of ["agent", "key", "event"]) {
        expect(told[part]).toMatchObject({
          code: part === "event" ? "audit_unwritable" : "store_unwritable",
          status: 503,
        });
        expect(told[part].detail).not.toContain("/");
        if (mounted) expect(told[part].detail).toBe("There is no space left on the disk");
      }
      expect(told.agent.taken).toBeGreaterThan(2);
      expect(sizes).toEqual({ agent: told.agent.taken * 50_000, key: told.key.taken * 50_000 || undefined });
      expect(verdict).toEqual({ ok: true, events: told.event.taken });
      expect(findings).toEqual([]);
      expect(leftovers()).toEqual([]);
      const whole = readFileSync(join(stateDir, "provisioning", "audit.jsonl"), "utf8");
      expect(whole === "" || whole.endsWith("\n")).toBe(true);

      // Space again: everything goes on.
      if (mounted) execFileSync("mount", ["-o", "remount,size=8m", stateDir]);
      const { records, close } = openRecords();
      await records.set("keys", "k2", sampleRecords.keys("k2"));
      expect((await records.get("agents", "a1"))?.name).toHaveLength(told.agent.taken * 50_000);
      const trail = openTrail();
      await trail.append({ phase: "event", action: "a", actor: "b" });
      expect(await trail.verify()).toEqual({ ok: true, events: told.event.taken + 1 });
      await trail.close();
      await close();
    });
  });
});
