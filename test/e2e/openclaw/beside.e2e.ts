import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../free-port.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";
import { type Gateway, makeGateway } from "./gateway.ts";
import { masterKey } from "./provisioned-gateway.ts";

describe("the Node server beside a real gateway, on its state directory", () => {
  let gateway: Gateway;
  let upstream: SampleUpstream;
  let server: ChildProcess;
  let origin: string;
  const adminToken = "admin-token-of-a-test";

  beforeAll(async () => {
    upstream = await startSampleUpstream();
    upstream.behave({ usesTools: false });
    gateway = await makeGateway({ config: { gateway: { provisioning: { enabled: true, allowDelete: true } } } });
    await gateway.start();
    const port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    server = spawn("node", ["dist/index.js"], {
      stdio: ["ignore", "inherit", "inherit"],
      env: {
        PATH: gateway.openclaw.path,
        HOME: gateway.home,
        OPENCLAW_STATE_DIR: gateway.stateDir,
        OPENCLAW_GATEWAY_TOKEN: gateway.token,
        OPENCLAW_GATEWAY_PORT: String(port),
        OPENCLAW_ADMIN_TOKEN: adminToken,
        OPENCLAW_PROVISIONING_HOST: "openclaw",
        OPENCLAW_PACKAGE_DIR: gateway.openclaw.directory,
      },
    });
    const isReady = () =>
      fetch(`${origin}/readyz`).then(
        (one) => one.ok,
        () => false,
      );
    for (let waited = 0; !(await isReady()); waited += 200) {
      if (waited > 60_000) throw new Error("the server did not get ready");
      await sleep(200);
    }
  });
  afterAll(async () => {
    server?.kill();
    await gateway?.close();
    await upstream?.close();
  });

  async function call(method: string, path: string, body?: unknown, key = adminToken) {
    const response = await fetch(`${origin}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${gateway.token}`,
        "x-agent-provisioning-key": key,
        "content-type": "application/json",
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  test("makes, rotates and deletes an agent of the running gateway", async () => {
    const added = await call("POST", "/provisioning/ai-providers", {
      provider: "anthropic",
      name: "Master",
      key: masterKey,
      baseUrl: upstream.origin,
      verify: false,
    });
    const made = await call("POST", "/provisioning/agent-keys", {
      name: "E2E",
      scopes: ["agents:create", "agents:delete", "agents:keys"],
      aiProviderKeyId: added.body.id,
    });
    const key = made.body.key as string;
    const body = { name: "beside", model: "claude-sonnet-3.5", autoProvisionAiKey: { provider: "anthropic" } };
    const created = await call("POST", "/agents/create", body, key);
    expect([created.status, created.body]).toEqual([201, expect.objectContaining({ agentId: "beside" })]);
    expect((await gateway.turn("beside")).status).toBe(200);
    expect((await call("POST", "/agents/beside/ai-key/rotate", { graceSeconds: 0 }, key)).status).toBe(200);
    expect((await gateway.turn("beside")).status).toBe(200);
    expect(upstream.seen.map((one) => one.headers["x-api-key"])).toEqual([masterKey, masterKey]);
    const removed = await call("DELETE", "/agents/beside", { deleteWorkspace: true, deleteSessions: true }, key);
    expect(removed.body).toMatchObject({ agentId: "beside", preserved: [] });
    await sleep(500);
    expect((await gateway.turn("beside")).status).toBe(400);
    const again = await call("POST", "/agents/create", body, key);
    expect([again.status, again.body]).toEqual([201, expect.anything()]);
    expect((await gateway.turn("beside")).status).toBe(200);
  });
});
