import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readNodeSettings } from "../../adapters/node/node-settings.ts";
import { openNode } from "../../adapters/node/open-node.ts";
import { createApp } from "../../src/app.ts";
import type { GatewaySettings } from "../../src/host/gateway.ts";
import type { Fetch } from "../../src/ports.ts";

export interface GatewayApp {
  settings: GatewaySettings;
  stateDir: string;
  fetch: Fetch;
  /** Ids of the agents that are really there. */
  agentIds(): Promise<string[]>;
  storedKey(agentId: string, provider: string): Promise<string | undefined>;
  close(): Promise<void>;
}

const scopes = ["agents:create", "agents:onboard", "agents:delete", "agents:update"];

/**
 * A whole instance of the API on files, in this process: what a remote host finds at the other end.
 *
 * @param workspaceRoot where its agents' workspaces may be
 */
export async function openGatewayApp(id: string, workspaceRoot: string, allowDelete = true): Promise<GatewayApp> {
  const home = await realpath(await mkdtemp(join(tmpdir(), `gateway-${id}-`)));
  const stateDir = join(home, ".openclaw");
  await mkdir(stateDir, { mode: 0o700 });
  const provisioning = { enabled: true, allowDelete, workspaceRoots: [workspaceRoot] };
  await writeFile(join(stateDir, "config.json"), JSON.stringify({ gateway: { provisioning } }), { mode: 0o600 });
  const token = `token-of-${id}-not-a-real-secret`;
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: token };
  const node = readNodeSettings(env);
  const opened = await openNode(node, { env, log: () => undefined });
  const app = createApp(opened.ports, node.settings);

  const origin = `http://${id}.test:18789`;
  const asOperator = async (method: string, path: string, body?: unknown) => {
    const request = new Request(`${origin}/api/v1${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const response = await app.fetchAsOperator(request);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return await response.json();
  };
  const { key } = (await asOperator("POST", "/provisioning/agent-keys", {
    name: "control plane",
    scopes,
    rateLimitPerMinute: 100_000,
    maxAgents: 100_000,
  })) as { key: string };

  return {
    settings: { id, url: origin, token, key },
    stateDir,
    fetch: async (input, init) => await app.fetch(new Request(input, init)),
    async agentIds() {
      const { agents } = (await asOperator("GET", "/agents?limit=1000")) as { agents: { agentId: string }[] };
      return agents.map((agent) => agent.agentId);
    },
    async storedKey(agentId, provider) {
      const path = join(stateDir, "agents", agentId, "agent", "auth-profiles.json");
      const store = JSON.parse(await readFile(path, "utf8"));
      return store.profiles[store.order[provider][0]]?.key;
    },
    async close() {
      await opened.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** Sends each request to the gateway that it is addressed to. */
export const switchboard =
  (gateways: readonly GatewayApp[]): Fetch =>
  async (input, init) => {
    const request = new Request(input, init);
    const { origin } = new URL(request.url);
    const gateway = gateways.find((one) => one.settings.url === origin);
    if (!gateway)
      throw new TypeError("fetch failed", { cause: Object.assign(new Error("no such host"), { code: "ENOTFOUND" }) });
    return await gateway.fetch(request);
  };

export const localDisk = {
  read: async (path: string) => await readFile(path, "utf8").catch(() => undefined),
  async write(path: string, text: string) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  },
  exists: async (path: string) => existsSync(path),
};
