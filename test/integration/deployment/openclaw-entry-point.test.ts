import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "entry-point-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe("the entry point of the OpenClaw image", () => {
  it("stops at a signal between two steps, and breaks neither off", async () => {
    const at = (name: string): string => join(directory, name);
    mkdirSync(at("scripts"));
    mkdirSync(at("bin"));
    copyFileSync("scripts/docker-openclaw-gateway.sh", at("scripts/start.sh"));
    const step = `touch ${at("begun")}; sleep 0.5; touch "${at("ended")}-$2"`;
    writeFileSync(at("bin/node"), `#!/bin/bash\n${step}\n`, { mode: 0o755 });
    const child = spawn("bash", [at("scripts/start.sh"), "gateway", "run"], {
      env: { PATH: `${at("bin")}:${process.env.PATH}`, OPENCLAW_STATE_DIR: at("state") },
      stdio: "ignore",
    });
    await expect.poll(() => existsSync(at("begun"))).toBe(true);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([143, null]);
    expect(existsSync(at("ended-plugins"))).toBe(true);
    expect(existsSync(at("ended-gateway"))).toBe(false);
  });
});
