import { lstatSync } from "node:fs";
import { join, resolve } from "node:path";
import { Problem } from "../../src/errors.ts";

/** OpenClaw writes into a lock as soon as it has made it; at this age it takes one for stale itself. */
const staleMs = 30_000;

/** The file that OpenClaw keeps its configuration in. */
export const configFileOf = (stateDir: string, env: Record<string, string | undefined>): string =>
  resolve(env.OPENCLAW_CONFIG_PATH?.trim() || join(stateDir, "openclaw.json"));

/**
 * OpenClaw 2026.9.6 waits for every lock that names no owner, and is refused after 40 s each time: one that a process
 * left empty that was killed as it took it, or the directory that guards the removal of a stale one. A restart does
 * not help. One that holds an empty lock yet, and was only stopped, sees that its file is gone and begins anew.
 *
 * @throws Problem `host_unavailable` that says what to remove
 */
export function refuseLeftLock(configFile: string): void {
  for (const [path, remove] of [
    [`${configFile}.lock`, "rm"],
    [`${configFile}.lock.reclaim`, "rmdir"],
  ] as const) {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (!found || (found.isFile() && found.size > 0) || Date.now() - found.mtimeMs < staleMs) continue;
    throw new Problem(
      "host_unavailable",
      `OpenClaw cannot change its configuration: a process that was killed left the lock ${path} behind. Remove it: ${remove} '${path}'`,
    );
  }
}
