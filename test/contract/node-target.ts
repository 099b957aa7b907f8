import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Deployment, startServer } from "../../adapters/node/run-server.ts";
import { contractConfig, type Target } from "./target.ts";

export interface NodeTarget extends Target {
  stateDir: string;
  context: Deployment["app"]["context"];
}

/** A whole server on files, in this process, on a port of its own. */
export async function nodeTarget(
  options: { env?: Record<string, string>; config?: unknown } = {},
): Promise<NodeTarget> {
  const stateDir = await mkdtemp(join(tmpdir(), "openclaw-contract-"));
  await writeFile(join(stateDir, "config.json"), JSON.stringify(options.config ?? contractConfig), { mode: 0o600 });
  const env = {
    OPENCLAW_STATE_DIR: stateDir,
    OPENCLAW_GATEWAY_TOKEN: "contract-token-of-the-server",
    OPENCLAW_ADMIN_TOKEN: "contract-admin-of-the-server",
    OPENCLAW_GATEWAY_PORT: "0",
    ...options.env,
  };
  const deployment = await startServer(env);
  const origin = `http://127.0.0.1:${deployment.server.port}`;
  return {
    origin,
    api: `${origin}/api/v1`,
    token: env.OPENCLAW_GATEWAY_TOKEN,
    adminToken: env.OPENCLAW_ADMIN_TOKEN,
    storesCredentials: true,
    hasWorkspaces: true,
    workspace: (name) => join(stateDir, `workspace-${name}`),
    async makeByHand(agentId) {
      const agentDir = join(stateDir, "agents", agentId, "agent");
      await mkdir(agentDir, { recursive: true, mode: 0o700 });
      const profiles = { "anthropic:own": { type: "api_key", provider: "anthropic", key: "sk-test-not-a-real-key" } };
      const store = { version: 1, profiles, order: { anthropic: ["anthropic:own"] } };
      await writeFile(join(agentDir, "auth-profiles.json"), JSON.stringify(store), { mode: 0o600 });
    },
    fetch: (url, init) => fetch(url, init),
    stateDir,
    context: deployment.app.context,
    async close() {
      await deployment.stop();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}
