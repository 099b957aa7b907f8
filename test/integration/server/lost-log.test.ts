import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../../free-port.ts";
import { makeStateDir, token } from "../../server-process.ts";

describe("a server whose log nobody reads any more", () => {
  let stateDir: string;
  beforeEach(async () => {
    stateDir = await makeStateDir();
    await writeFile(join(stateDir, "config.json"), JSON.stringify({ logging: { level: "info" } }), { mode: 0o600 });
  });
  afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

  it("goes on serving, and stops as it should", async () => {
    const port = await freePort();
    const server = spawn(process.execPath, ["dist/index.js"], {
      env: {
        ...process.env,
        OPENCLAW_STATE_DIR: stateDir,
        OPENCLAW_GATEWAY_TOKEN: token,
        OPENCLAW_PROVISIONING_ENABLED: "true",
        OPENCLAW_GATEWAY_PORT: String(port),
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const exited = once(server, "exit");
    const status = (path: string) =>
      fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: "Bearer wrong" } }).then(
        (response) => response.status,
        () => 0,
      );
    await expect.poll(() => status("/readyz"), { timeout: 15_000 }).toBe(200);
    server.stdout.destroy();
    server.stderr.destroy();
    // Each of these is logged at once or fails to be.
    for (let call = 0; call < 5; call++) expect(await status(`/api/v1/nothing/${"%"}`)).toBe(401);
    expect(server.exitCode).toBeNull();
    server.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
  });
});
