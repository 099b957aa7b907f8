import { readFileSync } from "node:fs";
// @ts-expect-error plain JavaScript, as build.mjs reads it
import { bundleWorker, workerPath } from "../../adapters/cloudflare/bundle.mjs";
import { startWorker, type WorkerOptions } from "../../adapters/dev/start-worker.ts";
import { fetchThroughEdge } from "./many-clients.ts";
import { contractConfig, type Target } from "./target.ts";

export interface WorkerTarget extends Target {
  maintain(): Promise<void>;
}

export interface WorkerTargetOptions extends Partial<WorkerOptions> {
  config?: unknown;
  /** In place of `worker.ts`: what is put around it. */
  entryPoint?: string;
}

/** `worker.ts` is built before the first test. */
const codeOf = async (entryPoint: string | undefined): Promise<string> =>
  entryPoint === undefined ? readFileSync(workerPath, "utf8") : await bundleWorker(entryPoint);

/** The Worker as it is deployed, in workerd, with records only. */
export async function workerTarget({
  config = contractConfig,
  entryPoint,
  ...options
}: WorkerTargetOptions = {}): Promise<WorkerTarget> {
  const variables = {
    OPENCLAW_CONFIG: JSON.stringify(config),
    OPENCLAW_PUBLIC_URL: "https://agents.example.org",
    OPENCLAW_GATEWAY_TOKEN: "contract-token-of-the-worker",
    OPENCLAW_ADMIN_TOKEN: "contract-admin-of-the-worker",
    OPENCLAW_PROVISIONING_SEAL_KEY: Buffer.alloc(32, 7).toString("base64url"),
    ...options.variables,
  };
  const worker = await startWorker({ ...options, code: await codeOf(entryPoint), variables });
  return {
    origin: worker.origin,
    api: `${worker.origin}/api/v1`,
    token: variables.OPENCLAW_GATEWAY_TOKEN,
    adminToken: variables.OPENCLAW_ADMIN_TOKEN,
    storesCredentials: false,
    hasWorkspaces: false,
    workspace: (name) => `/srv/workspace-${name}`,
    fetch: fetchThroughEdge(),
    maintain: worker.maintain,
    close: worker.close,
  };
}
