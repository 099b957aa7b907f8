import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createStorage } from "unstorage";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stampOf, unchanged } from "../../../adapters/node/files/private-file.ts";
import { createPrivateFs, type PrivateFs } from "../../../adapters/node/files/private-fs.ts";
import { repairMode } from "../../../adapters/node/files/store-check.ts";
import type { Records } from "../../../src/storage/keyspace.ts";
import { createRecords } from "../../../src/storage/records.ts";
import { sampleRecords } from "../../conformance/sample-records.ts";

const asRoot = process.getuid?.() === 0;
if (!asRoot) console.warn("skipped: files of another owner can only be made by root");

describe("private-fs on disk", () => {
  let stateDir: string;
  let files: PrivateFs;
  let records: Records;
  let close: () => Promise<void>;
  const path = (name: string) => join(stateDir, "provisioning", name);
  const mode = (name: string) => statSync(path(name)).mode & 0o777;
  const read = (name: string) => readFileSync(path(name), "utf8");
  const agent = sampleRecords.agents("a1");
  const key = sampleRecords.keys("k1");
  const set = async () => {
    await records.set("agents", "a1", agent);
    await records.set("keys", "k1", key);
  };
  /** As an editor or another process does it: a new file in the place of the old one. */
  const replace = (name: string, text: string) => {
    writeFileSync(path(`${name}.new`), text, { mode: 0o600 });
    renameSync(path(`${name}.new`), path(name));
  };

  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), "private-fs-"));
    files = createPrivateFs({ stateDir, now: () => Date.UTC(2026, 10, 22, 18) });
    const storage = createStorage({ driver: files.driver });
    records = createRecords(storage, files.page, files.replace);
    close = () => storage.dispose();
  });
  afterEach(async () => {
    await close();
    rmSync(stateDir, { recursive: true });
  });

  it("makes files 0600 and directories 0700 from birth, whatever the umask, and leaves no temporary ones", async () => {
    const umask = process.umask(0);
    try {
      await Promise.all([
        set(),
        records.set("ai-providers", "p1", sampleRecords["ai-providers"]("p1")),
        records.set("ai-keys", "v1", sampleRecords["ai-keys"]("v1")),
      ]);
    } finally {
      process.umask(umask);
    }
    const names = readdirSync(path(""), { recursive: true }).map(String).sort();
    expect(names).toEqual([
      "agents",
      "agents/a1.json",
      "ai-keys",
      "ai-keys/v1.json",
      "ai-providers.json",
      "keys.json",
      "locks.sqlite",
      "locks.sqlite-shm",
      "locks.sqlite-wal",
    ]);
    for (const name of names) expect([name, mode(name)]).toEqual([name, /\./.test(name) ? 0o600 : 0o700]);
    expect(mode("")).toBe(0o700);
    expect(await files.check()).toEqual([]);
  });

  it("writes the documents that the guide describes", async () => {
    await set();
    expect(JSON.parse(read("keys.json"))).toEqual({
      version: 1,
      keys: [key],
      updatedAt: "2026-11-22T18:00:00.000Z",
    });
    expect(JSON.parse(read("agents/a1.json"))).toEqual(agent);
  });

  it("sees at the next read what another wrote, of the same size and in the same tick too", async () => {
    await set();
    for (let round = 0; round < 50; round++) {
      const name = `Agent ${String(round).padStart(2, "0")}`;
      replace("agents/a1.json", JSON.stringify({ ...agent, name }));
      expect((await records.get("agents", "a1"))?.name).toBe(name);
      replace("keys.json", JSON.stringify({ version: 1, keys: [{ ...key, name }], updatedAt: "" }));
      expect((await records.get("keys", "k1"))?.name).toBe(name);
    }
    await sleep(80);
    await records.get("agents", "a1");
    replace("agents/a1.json", JSON.stringify({ ...agent, name: "Agent xx" }));
    replace("agents/a2.json", JSON.stringify({ ...agent, agentId: "a2" }));
    expect((await records.get("agents", "a1"))?.name).toBe("Agent xx");
    expect((await records.list("agents")).items.map(({ agentId }) => agentId)).toEqual(["a1", "a2"]);
    rmSync(path("agents/a1.json"));
    expect(await records.get("agents", "a1")).toBeUndefined();
    expect((await records.list("agents")).items.map(({ agentId }) => agentId)).toEqual(["a2"]);
  });

  it("believes an equal stamp only of a file that had been at rest when it was read", async () => {
    await set();
    const stats = statSync(path("agents/a1.json"));
    const changedAt = Math.max(stats.mtimeMs, stats.ctimeMs);
    expect(unchanged(stampOf(stats, changedAt + 1000), stats)).toBe(true);
    // A file system's clock may tick every few milliseconds, or lie in the future.
    for (const after of [-5000, 0, 5, 49]) expect(unchanged(stampOf(stats, changedAt + after), stats)).toBe(false);
    for (const field of ["ino", "size", "mtimeMs", "ctimeMs"] as const) {
      const other = Object.assign(Object.create(stats), { [field]: stats[field] + 1 });
      expect(unchanged(stampOf(stats, changedAt + 1000), other)).toBe(false);
    }
  });

  it("reads a file once as long as nothing changes", async () => {
    await set();
    await sleep(80);
    const first = await files.driver.getItem("agents:a1");
    expect(await files.driver.getItem("agents:a1")).toBe(first);
    expect(Object.isFrozen((first as typeof agent).bindings)).toBe(true);
    expect(await files.driver.getItem("keys:k1")).toBe(await files.driver.getItem("keys:k1"));
    utimesSync(path("agents/a1.json"), 1, 1);
    expect(await files.driver.getItem("agents:a1")).not.toBe(first);
  });

  const damages: [what: string, damage: (name: string) => void, message: RegExp][] = [
    ["is cut in the middle", (name) => replace(name, read(name).slice(0, 40)), /is not valid JSON: restore/],
    ["is empty", (name) => replace(name, ""), /is not valid JSON/],
    ["is a list", (name) => replace(name, "[]"), /is not valid JSON/],
    [
      "can be read by others",
      (name) => chmodSync(path(name), 0o644),
      /is open to others \(mode 0644\): run "chmod 600 /,
    ],
    ["can be read by others", (name) => chmodSync(path(name), 0o644), /mode 0644/],
    [
      "is a symbolic link",
      (name) => {
        renameSync(path(name), path(`${name}.real`));
        symlinkSync(path(`${name}.real`), path(name));
      },
      /is a symbolic link: put a real file/,
    ],
    [
      "is a directory",
      (name) => {
        rmSync(path(name));
        mkdirSync(path(name), { mode: 0o700 });
      },
      /is not a file/,
    ],
    [
      "is a named pipe",
      (name) => {
        rmSync(path(name));
        execFileSync("mkfifo", ["-m", "600", path(name)]);
      },
      /is not a file/,
    ],
  ];
  if (asRoot) {
    damages.push([
      "belongs to another user",
      (name) => chownSync(path(name), 12_345, 12_345),
      /belongs to another user \(uid 12345, .*\): run "chown 0 /,
    ]);
  }

  describe.each([
    ["keys.json", "keys", "k1"],
    ["agents/a1.json", "agents", "a1"],
  ] as const)("%s", (name, collection, id) => {
    it.each(damages)("that %s is refused by name, and left as it is", async (_, damage, message) => {
      await set();
      await sleep(80);
      await records.get(collection, id);
      damage(name);
      const before = statSync(path(name));
      const refused = { code: "store_unreadable", message: expect.stringMatching(message) };
      await expect(records.get(collection, id)).rejects.toMatchObject(refused);
      await expect(records.list(collection)).rejects.toMatchObject(refused);
      await expect(records.get(collection, id)).rejects.toThrow(`provisioning/${name} `);
      await expect(records.get(collection, id)).rejects.not.toThrow(stateDir);
      const findings = await files.check();
      expect(findings).toEqual([
        expect.objectContaining({ file: `provisioning/${name}`, problem: expect.any(String) }),
      ]);
      if (collection === "keys") {
        await expect(records.set("keys", "k2", sampleRecords.keys("k2"))).rejects.toMatchObject(refused);
      }
      const after = statSync(path(name));
      expect([after.ino, after.size, after.mtimeMs, after.mode]).toEqual([
        before.ino,
        before.size,
        before.mtimeMs,
        before.mode,
      ]);
    });
  });

  it.each([
    ["another version", { version: 2, keys: [] }, /was written by a newer release \(version 2, this release reads 1\)/],
    ["no list", { version: 1 }, /has no list "keys"/],
    ["an entry without an id", { version: 1, keys: [{ name: "x" }] }, /has an entry without an "id"/],
    ["an id twice", { version: 1, keys: [key, key] }, /has two entries of the id "k1"/],
  ])("refuses keys.json with %s", async (_, document, message) => {
    await set();
    replace("keys.json", JSON.stringify(document));
    await expect(records.list("keys")).rejects.toMatchObject({
      code: "store_unreadable",
      message: expect.stringMatching(message),
    });
  });

  it("refuses a record whose fields are not what they should be, without quoting them", async () => {
    await set();
    replace("keys.json", JSON.stringify({ version: 1, keys: [{ ...key, state: { ...key.state, digest: 5 } }] }));
    replace("agents/a1.json", JSON.stringify({ ...agent, bindings: "telegram" }));
    await expect(records.get("keys", "k1")).rejects.toThrow("The stored record keys/k1 is damaged (state.digest)");
    await expect(records.list("agents")).rejects.toThrow("The stored record agents/a1 is damaged (bindings)");
    expect(await files.check()).toEqual([
      expect.objectContaining({ file: "provisioning/keys.json", problem: 'has a damaged entry "k1" (state.digest)' }),
      expect.objectContaining({ file: "provisioning/agents/a1.json", problem: "is not a valid record (bindings)" }),
    ]);
  });

  it("refuses a directory of records that others can read or that is elsewhere", async () => {
    await set();
    chmodSync(path("agents"), 0o755);
    await expect(records.list("agents")).rejects.toThrow(
      'provisioning/agents is open to others (mode 0755): run "chmod 700 provisioning/agents" in the state directory',
    );
    rmSync(path("agents"), { recursive: true });
    symlinkSync(tmpdir(), path("agents"));
    await expect(records.list("agents")).rejects.toThrow("provisioning/agents is a symbolic link");
  });

  it("finds wrong modes of every file of the store, and repairs them when asked", async () => {
    await set();
    const readable = ["audit.jsonl", "ledger.sqlite", "seal.given", "seal.key"];
    for (const name of readable) writeFileSync(path(name), "", { mode: 0o644 });
    writeFileSync(path("notes.txt"), "not ours", { mode: 0o644 });
    chmodSync(path("keys.json"), 0o666);
    chmodSync(path("agents"), 0o755);
    chmodSync(path("agents/a1.json"), 0o604);
    chmodSync(path(""), 0o701);
    chmodSync(stateDir, 0o777);
    const findings = await files.check();
    expect(findings.map(({ file, fixable }) => [file, fixable])).toEqual([
      [".", true],
      ["provisioning", true],
      ["provisioning/agents", true],
      ["provisioning/audit.jsonl", true],
      ["provisioning/keys.json", true],
      ["provisioning/ledger.sqlite", true],
      ["provisioning/seal.given", true],
      ["provisioning/seal.key", true],
    ]);
    for (const finding of findings) repairMode(stateDir, finding);
    // Behind the directory that could not be believed stood another.
    const [last, ...others] = await files.check();
    expect(last?.file).toBe("provisioning/agents/a1.json");
    expect(others).toEqual([]);
    repairMode(stateDir, last!);
    expect(await files.check()).toEqual([]);
    expect(statSync(path("notes.txt")).mode & 0o777).toBe(0o644);
  });

  it("never repairs through a symbolic link", async () => {
    await set();
    const outside = join(stateDir, "outside.json");
    writeFileSync(outside, "{}", { mode: 0o644 });
    rmSync(path("keys.json"));
    symlinkSync(outside, path("keys.json"));
    const [finding] = await files.check();
    expect(finding?.fixable).toBe(false);
    repairMode(stateDir, { ...finding!, fixable: true });
    expect(statSync(outside).mode & 0o777).toBe(0o644);
  });

  it("has nothing to complain of before the first write, and writes nothing when reading", async () => {
    expect(await files.check()).toEqual([]);
    expect(await records.list("agents")).toEqual({ items: [] });
    expect(await records.get("keys", "k1")).toBeUndefined();
    await records.remove("keys", "k1");
    await records.remove("agents", "a1");
    expect(existsSync(path(""))).toBe(false);
  });

  it("sweeps what a crash left, but nothing that may still be written", async () => {
    await set();
    const [old, fresh] = [".a1.json.0123456789ab-1.tmp", ".a1.json.0123456789ab-2.tmp"];
    for (const name of [old, fresh]) writeFileSync(path(`agents/${name}`), "{", { mode: 0o600 });
    const hourAgo = Date.now() / 1000 - 3600;
    utimesSync(path(`agents/${old}`), hourAgo, hourAgo);
    expect((await records.list("agents")).items).toHaveLength(1);
    const again = createPrivateFs({ stateDir });
    await again.driver.dispose?.();
    expect(readdirSync(path("agents")).sort()).toEqual([fresh, "a1.json"]);
  });

  it("shares one write among those who wait for one file", async () => {
    await set();
    const inodes = new Set<number>();
    let done = false;
    const writing = Promise.all(
      Array.from({ length: 200 }, (_, i) => records.set("keys", `n${i}`, sampleRecords.keys(`n${i}`))),
    ).finally(() => {
      done = true;
    });
    while (!done) {
      inodes.add(statSync(path("keys.json")).ino);
      await sleep(0);
    }
    await writing;
    expect((await records.list("keys")).items).toHaveLength(201);
    expect(inodes.size).toBeLessThan(20);
  });
});
