import { rmSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { hasRedis, startRedis } from "../../redis-server.ts";
import { runBundle } from "../../run-bundle.ts";
import { sampleSealKey } from "../../sample-seal-key.ts";
import { makeStateDir, token } from "../../server-process.ts";

describe("a gateway's secret that is sealed", () => {
  const directories: string[] = [];
  afterAll(() => {
    for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  });

  const run = (stateDir: string, args: string[], env: Record<string, string>, input?: string) => {
    const common = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: token, OPENCLAW_GATEWAY_PORT: "0" };
    return runBundle(args, { ...common, ...env }, input);
  };

  /** A control plane's settings, with a secret as `provisioning seal` prints it. */
  async function settled(): Promise<{ stateDir: string; sealed: string }> {
    const scratch = await makeStateDir();
    const env = { OPENCLAW_PROVISIONING_SEAL_KEY: sampleSealKey(1) };
    const { stdout, exitCode } = await run(scratch, ["provisioning", "seal"], env, "token-not-a-real-secret\n");
    expect(exitCode).toBe(0);
    const sealed = stdout.trim();
    expect(sealed).not.toContain("token-not-a-real-secret");
    const gateways = [{ id: "gw1", url: "http://127.0.0.1:1", token: sealed, key: "key-not-a-real-secret" }];
    const stateDir = await makeStateDir({ host: { kind: "remote", gateways } });
    directories.push(scratch, stateDir);
    return { stateDir, sealed };
  }

  it("is opened under the seal key that it was sealed with", async () => {
    const { stateDir } = await settled();
    const env = { OPENCLAW_PROVISIONING_SEAL_KEY: sampleSealKey(1) };
    expect((await run(stateDir, ["provisioning", "agent-keys", "list"], env)).exitCode).toBe(0);
  });

  it("stops the start under another one, and the gateway is named", async () => {
    const { stateDir, sealed } = await settled();
    const { stderr, exitCode } = await run(stateDir, ["serve"], { OPENCLAW_PROVISIONING_SEAL_KEY: sampleSealKey(2) });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error: gateway\.provisioning\.host\.gateways, "gw1": .*provisioning seal.*\n$/);
    expect(stderr).not.toContain(sealed);
  });

  it.skipIf(!hasRedis)("leaves no connection to Redis behind that would keep the process", async () => {
    const redis = await startRedis();
    try {
      const { stateDir } = await settled();
      const env = { OPENCLAW_PROVISIONING_SEAL_KEY: sampleSealKey(2), OPENCLAW_PROVISIONING_STORAGE: redis.url };
      expect((await run(stateDir, ["serve"], env)).exitCode).toBe(1);
    } finally {
      await redis.dispose();
    }
  });
});
