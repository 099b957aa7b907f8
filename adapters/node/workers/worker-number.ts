import cluster from "node:cluster";
import type { Environment } from "../environment.ts";

/** Set by the primary process for each that it starts: another program may have a cluster of its own. */
export const numberVariable = "OPENCLAW_WORKER_NUMBER";

/** The number of this worker process; `undefined` where it is none of ours. */
export function workerNumber(env: Environment): number | undefined {
  const number = env[numberVariable];
  return cluster.isWorker && number !== undefined ? Number(number) : undefined;
}
