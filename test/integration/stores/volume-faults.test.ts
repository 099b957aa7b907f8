import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { diagnose } from "../../../adapters/node/diagnose.ts";
import { placeNew } from "../../../adapters/node/files/atomic-write.ts";
import { keepsModes } from "../../../adapters/node/files/keeps-modes.ts";
import { bitsForOthers } from "../../../adapters/node/files/own-group.ts";
import { findingOf } from "../../../adapters/node/files/private-file.ts";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { openNode } from "../../../adapters/node/open-node.ts";
import { startServer } from "../../../adapters/node/run-server.ts";
import { storeProblem } from "../../../adapters/node/sqlite/sqlite-file.ts";
import { makeStateDir, token } from "../../server-process.ts";

let stateDir: string;
let env: Record<string, string>;
beforeEach(async () => {
  stateDir = await makeStateDir();
  env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: token, OPENCLAW_GATEWAY_PORT: "0" };
  const node = await openNode(readNodeSettings(env), { env, log: () => {} });
  await node.close();
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

const file = (name: string) => join(stateDir, "provisioning", name);

describe("a file system that keeps no modes", () => {
  const passesOver = () => {};
  const refuses = () => {
    throw Object.assign(new Error("EPERM: operation not permitted, chmod"), { code: "EPERM" });
  };

  it.each([
    ["passes over", passesOver],
    ["refuses", refuses],
  ])("which %s a change: doctor --fix ends, and names it with the way out", async (_, chmod) => {
    // One that is looked at on opening, and one after that.
    for (const name of ["ledger.sqlite", "audit.jsonl", "seal.key"]) {
      writeFileSync(file(name), existsSync(file(name)) ? readFileSync(file(name)) : "");
      chmodSync(file(name), 0o777);
    }
    const { ok, checks } = await diagnose(env, true, { chmod });
    expect(ok).toBe(false);
    const failed = checks.filter(({ status }) => status === "failed");
    expect(failed.length).toBeGreaterThan(0);
    expect(JSON.stringify(failed)).toMatch(/keeps no modes.*named Docker volume.*bind mount/);
    expect(checks.filter(({ status }) => status === "fixed")).toEqual([]);
  });

  it("which others can read: the start is refused, with the way out", async () => {
    chmodSync(file("seal.key"), 0o777);
    await expect(startServer(env, { chmod: passesOver })).rejects.toThrow(
      /seal\.key is open to others \(mode 0777\), and the file system of \S+ keeps no modes.*named Docker volume/,
    );
    chmodSync(file("seal.key"), 0o600);
    chmodSync(file(""), 0o777);
    await expect(startServer(env, { chmod: passesOver })).rejects.toThrow(/provisioning is open.*keeps no modes/);
  });

  it("is told from one that does, and the probe is gone", () => {
    expect(keepsModes(stateDir)).toBe(true);
    expect(keepsModes(stateDir, passesOver)).toBe(false);
    expect(keepsModes(stateDir, refuses)).toBe(false);
    expect(existsSync(file("."))).toBe(true);
  });

  it("elsewhere the mode is what is told", async () => {
    chmodSync(file("seal.key"), 0o604);
    await expect(startServer(env)).rejects.toThrow(/seal\.key is open to others.*run "chmod 600/);
    const { checks } = await diagnose(env, true);
    expect(checks.filter(({ status }) => status === "failed")).toEqual([]);
    expect(statSync(file("seal.key")).mode & 0o777).toBe(0o600);
  });
});

describe("a file system without hard links", () => {
  const link = () => {
    throw Object.assign(new Error("EPERM: operation not permitted, link"), { code: "EPERM" });
  };

  it("gets the whole file all the same, and keeps the one of a faster process", () => {
    const directory = mkdtempSync(join(tmpdir(), "openclaw-link-"));
    const [whole, path] = [join(directory, "whole"), join(directory, "seal.key")];
    writeFileSync(whole, "first", { mode: 0o600 });
    placeNew(whole, path, link);
    expect([readFileSync(path, "utf8"), statSync(path).mode & 0o777]).toEqual(["first", 0o600]);
    writeFileSync(whole, "second");
    placeNew(whole, path, link);
    expect(readFileSync(path, "utf8")).toBe("first");
    rmSync(directory, { recursive: true });
  });
});

describe("a file system without shared memory or locks", () => {
  /** SHMOPEN, SHMLOCK, SHMMAP, IOERR_LOCK, PROTOCOL */
  it.each([4618, 5130, 5386, 3850, 15])("is named, with the way out, by SQLite's code %s", (errcode) => {
    const problem = storeProblem(file("ledger.sqlite"), Object.assign(new Error("disk I/O error"), { errcode }));
    expect(findingOf(problem)).toMatchObject({
      file: "provisioning/ledger.sqlite",
      problem: expect.stringContaining("cannot be shared between processes"),
      remedy: expect.stringMatching(/local volume.*OPENCLAW_PROVISIONING_STORAGE/),
    });
  });

  it("is not what a full disk is: SHMSIZE, FULL", () => {
    for (const errcode of [4874, 13]) {
      const problem = storeProblem(file("ledger.sqlite"), Object.assign(new Error("full"), { errcode }));
      expect(problem).toMatchObject({ code: "store_unwritable" });
    }
  });
});

it("takes the process's own group for nobody else, and every other for others", () => {
  const gid = process.getgid!();
  expect(bitsForOthers({ mode: 0o100660, gid })).toBe(0);
  expect(bitsForOthers({ mode: 0o100664, gid })).toBe(0o004);
  expect(bitsForOthers({ mode: 0o100660, gid: 54_321 })).toBe(0o060);
});
