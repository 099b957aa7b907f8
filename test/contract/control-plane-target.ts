import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "../../src/client/client.ts";
import { type NodeTarget, nodeTarget } from "./node-target.ts";
import { allScopes, contractConfig, type Target } from "./target.ts";

export interface ControlPlaneTarget extends Target {
  gateways: Record<"gw1" | "gw2", NodeTarget>;
}

const provisioning = { enabled: true, allowDelete: true };

/** A gateway as its operator sets it up for a control plane: one key, which is not the bottleneck. */
async function startGateway(root: string): Promise<{ target: NodeTarget; key: string }> {
  const settings = { ...provisioning, workspaceRoots: [root], maxAgentsPerKey: 100_000, authFailuresPerMinute: 10_000 };
  const target = await nodeTarget({ config: { gateway: { provisioning: settings }, logging: { level: "error" } } });
  const admin = createClient({ url: target.origin, token: target.token, provisioningKey: target.adminToken });
  const { key } = await admin.agentKeys.create({
    name: "control plane",
    scopes: allScopes.filter((scope) => scope !== "agents:keys") as never,
    rateLimitPerMinute: 100_000,
  });
  return { target, key };
}

/** A control plane on files, over two instances of this API that have agents on this machine. */
export async function controlPlaneTarget(
  options: { host?: Record<string, unknown>; config?: typeof contractConfig } = {},
): Promise<ControlPlaneTarget> {
  const { gateway, logging } = options.config ?? contractConfig;
  const root = await realpath(await mkdtemp(join(tmpdir(), "openclaw-fleet-")));
  const gateways = { gw1: await startGateway(root), gw2: await startGateway(root) };
  const host = {
    kind: "remote",
    gateways: Object.entries(gateways).map(([id, { target, key }]) => ({ id, url: target.api, token: target.token, key })),
    ...options.host,
  };
  const plane = await nodeTarget({ config: { gateway: { provisioning: { ...gateway.provisioning, host } }, logging } });
  return {
    ...plane,
    gateways: { gw1: gateways.gw1.target, gw2: gateways.gw2.target },
    sameGateway: { gateway: "gw2" },
    workspace: (name) => join(root, `workspace-${name}`),
    async close() {
      await plane.close();
      await Promise.all(Object.values(gateways).map(({ target }) => target.close()));
      await rm(root, { recursive: true, force: true });
    },
  };
}
