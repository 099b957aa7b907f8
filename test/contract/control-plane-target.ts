import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "../../src/client/client.ts";
import { sealConfigSecret } from "../../src/service/secrets/config-secret.ts";
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
export async function controlPlaneTarget(): Promise<ControlPlaneTarget> {
  const root = await realpath(await mkdtemp(join(tmpdir(), "openclaw-fleet-")));
  const gateways = { gw1: await startGateway(root), gw2: await startGateway(root) };
  const sealKey = crypto.getRandomValues(new Uint8Array(32));
  const sealed = (secret: string) => sealConfigSecret({ sealKeys: () => [sealKey] }, secret);
  const { gw1, gw2 } = gateways;
  const host = {
    kind: "remote",
    // As they are, and as `provisioning seal` prints them.
    gateways: [
      { id: "gw1", url: gw1.target.api, token: gw1.target.token, key: gw1.key },
      { id: "gw2", url: gw2.target.origin, token: await sealed(gw2.target.token), key: await sealed(gw2.key) },
    ],
  };
  const plane = await nodeTarget({
    config: { ...contractConfig, gateway: { provisioning: { ...contractConfig.gateway.provisioning, host } } },
    env: { OPENCLAW_PROVISIONING_SEAL_KEY: Buffer.from(sealKey).toString("base64url") },
  });
  return {
    ...plane,
    gateways: { gw1: gateways.gw1.target, gw2: gateways.gw2.target },
    sameGateway: { gateway: "gw2" },
    makeByHand: gateways.gw2.target.makeByHand!,
    workspace: (name) => join(root, `workspace-${name}`),
    async close() {
      await plane.close();
      await Promise.all(Object.values(gateways).map(({ target }) => target.close()));
      await rm(root, { recursive: true, force: true });
    },
  };
}
