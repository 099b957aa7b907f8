/** The guide's lines in OpenClaw's own container, on a stand-in for the official image, which need not be reachable. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../free-port.ts";
import { dockerMissing } from "../docker.ts";
import { buildOpenClawImage } from "./images.ts";

const missing = dockerMissing();
if (missing) console.warn(`skipped: the guide in OpenClaw's container (${missing})`);

// Each of OpenClaw's commands takes from 5 s to half a minute to start, as busy as the machine is.
const timeout = 300_000;

describe.skipIf(missing !== undefined)("the guide in OpenClaw's container", { timeout }, () => {
  const container = `openclaw-plugin-${process.pid}`;
  const token = "e2e-gateway-token";
  let api: string;

  const docker = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)("docker", args, { maxBuffer: 1e8, timeout: 400_000 })).stdout;
  const provisioning = (...args: string[]) =>
    docker("exec", container, "node", "dist/index.js", "provisioning", ...args);

  beforeAll(async () => {
    await buildOpenClawImage();
    const port = await freePort();
    api = `http://127.0.0.1:${port}/api/v1`;
    const env = ["-e", `OPENCLAW_GATEWAY_TOKEN=${token}`, "-e", "OPENCLAW_PROVISIONING_ENABLED=true"];
    await docker(
      "run",
      "-d",
      "--name",
      container,
      ...env,
      "-p",
      `127.0.0.1:${port}:18789`,
      "openclaw-provisioning:openclaw",
    );
    for (const deadline = Date.now() + 120_000; ; ) {
      const answer = await fetch(`${api}/agents`, { headers: { authorization: `Bearer ${token}` } }).catch(
        () => undefined,
      );
      if (answer?.status === 200) return;
      if (Date.now() > deadline) throw new Error(`the gateway is not up: ${await docker("logs", container)}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }, 600_000);
  afterAll(async () => {
    await docker("rm", "-f", "-v", container).catch(() => undefined);
  });

  test("the init script makes a key, the guide's call an agent that OpenClaw knows", async () => {
    const shown = await docker("exec", container, "/bin/bash", "/app/scripts/docker-init-provisioning.sh");
    const key = /ocp_[A-Za-z0-9]{16}_[A-Za-z0-9]{36}/.exec(shown)![0];
    const created = await fetch(`${api}/agents/create`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "x-agent-provisioning-key": key },
      body: JSON.stringify({
        name: "my-agent",
        workspace: "/home/node/.openclaw/workspace-my-agent",
        model: "claude-sonnet-3.5",
      }),
    });
    expect([created.status, await created.json()]).toMatchObject([201, { agentId: "my-agent" }]);
    const agents = JSON.parse(await docker("exec", container, "node", "dist/index.js", "agents", "list", "--json"));
    expect(agents.map((agent: { id: string }) => agent.id)).toEqual(["main", "my-agent"]);
  });

  test("provisioning is a command of OpenClaw's own", async () => {
    const { keys } = JSON.parse(await provisioning("agent-keys", "list", "--json"));
    expect(keys).toMatchObject([{ name: "Docker initial key", agents: 1 }]);
    expect(await provisioning("audit", "verify")).toMatch(/whole/);
    const canRead = "an agent with exec on this gateway can read the sealed master keys";
    expect(await docker("logs", container)).toContain(`serves on its own: ${canRead}`);
    expect(await provisioning("doctor")).toContain(canRead);
    const open = await docker(
      "exec",
      container,
      "find",
      "/home/node/.openclaw/provisioning",
      "-type",
      "f",
      "-not",
      "-perm",
      "600",
    );
    expect(open).toBe("");
  });
});
