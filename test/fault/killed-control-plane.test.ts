import { rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Client } from "../../src/client/client.ts";
import { adminClient, keyedClient, makeStateDir, type ServerProcess, startServerProcess } from "../server-process.ts";
import { type GatewayShim, type ShimmedRequest, startGatewayShim } from "./gateway-shim.ts";

const lateMs = 3_000;
const isCreate = ({ path }: ShimmedRequest): boolean => path.endsWith("/agents/create");

describe("a control plane that is killed in the middle of a create", () => {
  let directories: string[];
  let gateway: ServerProcess;
  let shim: GatewayShim;
  let plane: ServerProcess;
  let client: Client;

  beforeEach(async () => {
    directories = [await makeStateDir()];
    gateway = await startServerProcess(directories[0]!);
    shim = await startGatewayShim(gateway.origin, { lateMs });
    const { key } = await keyedClient(gateway.origin);
    const gateways = [{ id: "gw1", url: shim.origin, token: "test-gateway-token", key }];
    directories.push(await makeStateDir({ host: { kind: "remote", gateways, timeoutMs: 5_000 } }));
    plane = await startServerProcess(directories[1]!);
    ({ client } = await keyedClient(plane.origin));
  });
  afterEach(async () => {
    await plane.kill();
    await shim.close();
    await gateway.kill();
    for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  });

  async function onGateway(): Promise<string[]> {
    const { agents } = await adminClient(gateway.origin).agents.list();
    return agents.map(({ agentId }) => agentId);
  }
  async function restart(): Promise<void> {
    await plane.kill();
    shim.behave(() => "pass");
    plane = await startServerProcess(directories[1]!);
  }

  it("leaves nothing there, though its request comes after the undoing", async () => {
    const asked = new Promise<void>((resolve) =>
      shim.behave((request) => {
        if (!isCreate(request)) return "pass";
        resolve();
        return "late";
      }),
    );
    const lost = client.agents
      .create({ name: "late", bind: ["slack"], identity: { name: "Late" } })
      .catch(() => "lost");
    await asked;
    await restart();
    expect(await lost).toBe("lost");
    await shim.idle();
    expect(await onGateway()).toEqual([]);
    expect((await adminClient(plane.origin).agents.list()).agents).toEqual([]);
  });

  it("knows where the agent is that was whole", async () => {
    shim.behave((request) => (isCreate(request) ? "lose" : "pass"));
    const lost = client.agents.create({ name: "whole" }).catch(() => "lost");
    await expect.poll(onGateway).toEqual(["whole"]);
    await restart();
    expect(await lost).toBe("lost");
    const there = await adminClient(gateway.origin).agents.get("whole");
    const { agents } = await adminClient(plane.origin).agents.list();
    expect(agents).toMatchObject([{ agentId: "whole", workspace: there.workspace, agentDir: there.agentDir }]);
    expect(there.workspace).toMatch(/workspace-whole$/);
  });
});
