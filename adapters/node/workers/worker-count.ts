import { availableParallelism, totalmem } from "node:os";
import { SettingsError } from "../../../src/settings/settings-error.ts";
import type { Environment } from "../environment.ts";

const most = 64;
/** With its bodies a worker process fits into so much (`body-memory.ts`), and the primary process into half of it. */
const memoryEach = 268_435_456;

/**
 * How many processes serve: `OPENCLAW_WORKERS`, by default one. `auto` is one a core, and
 * no more than the memory has room for; both as a container limits them.
 *
 * @throws SettingsError
 */
export function workerCount(env: Environment, machine: () => Machine = thisMachine): number {
  const text = env.OPENCLAW_WORKERS?.trim();
  if (!text) return 1;
  if (text === "auto") return fittingWorkers(machine());
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= most) return count;
  throw new SettingsError(`OPENCLAW_WORKERS is "${text}"; it must be a number from 1 to ${most}, or auto`);
}

/** As many as there are cores, and as the memory has room for beside the primary process. */
export function fittingWorkers({ cores, memoryBytes }: Machine = thisMachine()): number {
  const fitting = Math.floor(memoryBytes / memoryEach - 0.5);
  return Math.max(1, Math.min(cores, fitting, most));
}

interface Machine {
  cores: number;
  memoryBytes: number;
}

function thisMachine(): Machine {
  // 0 where nothing limits it, or more than there is.
  const limit = process.constrainedMemory();
  const memoryBytes = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  return { cores: availableParallelism(), memoryBytes };
}
