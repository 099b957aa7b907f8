import { rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
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

  it("is ready though that gateway is no longer one of its own, and settles it when it is again", async () => {
    shim.behave((request) => (isCreate(request) ? "lose" : "pass"));
    const lost = client.agents.create({ name: "left" }).catch(() => "lost");
    await expect.poll(onGateway).toEqual(["left"]);
    await plane.kill();
    expect(await lost).toBe("lost");
    const config = join(directories[1]!, "config.json");
    const before = await readFile(config, "utf8");
    await writeFile(config, before.replaceAll('"gw1"', '"gw2"'));
    await restart();
    ({ client } = await keyedClient(plane.origin));
    expect(await client.agents.create({ name: "another" })).toMatchObject({ agentId: "another", gateway: "gw2" });
    expect(await onGateway()).toEqual(["another", "left"]);
    await writeFile(config, before);
    await restart();
    ({ client } = await keyedClient(plane.origin));
    expect(await client.agents.delete("left")).toMatchObject({ agentId: "left" });
    expect(await onGateway()).toEqual(["another"]);
  }, 90_000);
});
