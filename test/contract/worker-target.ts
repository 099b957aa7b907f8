import { startWorker, type WorkerOptions } from "../../adapters/dev/start-worker.ts";
import { contractConfig, type Target } from "./target.ts";

export interface WorkerTarget extends Target {
  maintain(): Promise<void>;
}

/** The Worker as it is deployed, in workerd, with records only. */
export async function workerTarget({
  config = contractConfig,
  ...options
}: { config?: unknown } & Partial<WorkerOptions> = {}): Promise<WorkerTarget> {
  const variables = {
    OPENCLAW_CONFIG: JSON.stringify(config),
    OPENCLAW_PUBLIC_URL: "https://agents.example.org",
    OPENCLAW_GATEWAY_TOKEN: "contract-token-of-the-worker",
    OPENCLAW_ADMIN_TOKEN: "contract-admin-of-the-worker",
    OPENCLAW_PROVISIONING_SEAL_KEY: Buffer.alloc(32, 7).toString("base64url"),
    ...options.variables,
  };
  const worker = await startWorker({ ...options, variables });
  return {
    origin: worker.origin,
    api: `${worker.origin}/api/v1`,
    token: variables.OPENCLAW_GATEWAY_TOKEN,
    adminToken: variables.OPENCLAW_ADMIN_TOKEN,
    storesCredentials: false,
    hasWorkspaces: false,
    workspace: (name) => `/srv/workspace-${name}`,
    fetch: (url, init) => fetch(url, init),
    maintain: worker.maintain,
    close: worker.close,
  };
}
