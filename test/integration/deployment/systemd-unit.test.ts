import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const unit = readFileSync("deploy/systemd/openclaw-provisioning.service", "utf8");
const valuesOf = (name: string): string[] =>
  unit
    .split("\n")
    .filter((line) => line.startsWith(`${name}=`))
    .map((line) => line.slice(name.length + 1));

const isThere = spawnSync("systemd-analyze", ["--version"]).status === 0;
if (!isThere) console.log("skipped: systemd's own look at deploy/systemd, for systemd-analyze is not installed");

describe.skipIf(!isThere)("systemd", () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "unit-"));
    file = join(directory, "openclaw-provisioning.service");
    // Where Node is differs; a command that is not there is a fault.
    writeFileSync(file, unit.replace("/usr/bin/node", process.execPath));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test("finds nothing wrong with the unit", () => {
    const { stderr, status } = spawnSync("systemd-analyze", ["verify", "--man=no", file], { encoding: "utf8" });
    // It loads the machine's own units as well, and has something to say of some.
    expect(stderr.split("\n").filter((line) => line.includes("openclaw"))).toEqual([]);
    expect(status).toBe(0);
  });

  test("finds the unit's service little exposed", () => {
    const options = ["security", "--offline=true", "--no-pager", "--threshold=15", file];
    const { stdout, stderr, status } = spawnSync("systemd-analyze", options, { encoding: "utf8" });
    expect(`${stderr}${stdout.match(/Overall exposure.*/)?.[0]}`).toMatch(/^→? ?Overall exposure/);
    expect(status).toBe(0);
  });
});

describe("the unit", () => {
  test("has its state to itself, and its secrets in files alone", () => {
    expect(valuesOf("User")).toEqual(["openclaw-provisioning"]);
    expect(valuesOf("StateDirectoryMode")).toEqual(["0700"]);
    const credentials = valuesOf("LoadCredential").map((value) => value.split(":")[0]!);
    const variables = valuesOf("Environment").filter((value) => /TOKEN|SEAL_KEY|STORAGE/.test(value));
    expect(variables).toEqual([
      "OPENCLAW_GATEWAY_TOKEN_FILE=%d/gateway-token",
      "OPENCLAW_PROVISIONING_SEAL_KEY_FILE=%d/seal-key",
    ]);
    expect(variables.map((value) => value.split("%d/")[1])).toEqual(credentials);
  });

  test("waits for the drain and ten seconds, and reloads by the signal that is read", () => {
    const drain = valuesOf("Environment").find((value) => value.startsWith("OPENCLAW_DRAIN_SECONDS="))!;
    expect(Number(valuesOf("TimeoutStopSec")[0])).toBe(Number(drain.split("=")[1]) + 10);
    expect(valuesOf("ExecReload")).toEqual([`/bin/sh -c 'kill -HUP "$$MAINPID"'`]);
  });
});
