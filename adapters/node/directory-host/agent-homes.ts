import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Problem } from "../../../src/errors.ts";
import { AgentId } from "../../../src/schema/primitives.ts";
import { isTemporary, temporaryIn } from "../files/atomic-write.ts";
import { sha256 } from "../sha256.ts";
import { entryPath } from "./agent-entry.ts";

/** The directories of agents below `<state>/agents`. */
export interface AgentHomes {
  /** `<state>/agents/<id>`; `undefined` for what no agent can be called, so that no crafted id becomes a path. */
  of(agentId: string): string | undefined;
  /** The ids of all homes, ascending, whether or not an agent lives there. */
  ids(): readonly string[];
  /**
   * A path that is no agent's, to make a home at or to put one away at: an agent comes and goes by a rename, since a
   * home that is half there would pass for an agent of others.
   */
  tempPath(agentId: string): string;
}

/**
 * A directory's time may be as coarse as a second: what was read less than this after its last change may have
 * missed one that came later in the same tick.
 */
const tickMs = 1_100;

const leftMs = 60_000;

/**
 * Removes what was left at temporary paths for more than a minute.
 * @param agentsDir is there
 */
export function createAgentHomes(agentsDir: string): AgentHomes {
  let read: { mtimeMs: number; ids: string[] } | undefined;

  for (const name of readdirSync(agentsDir)) {
    if (!isTemporary(name)) continue;
    const path = join(agentsDir, name);
    const changedAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
    if (Date.now() - changedAt > leftMs) rmSync(path, { recursive: true, force: true });
  }

  return {
    tempPath: (agentId) => temporaryIn(agentsDir, agentId),
    of: (agentId) => (AgentId.safeParse(agentId).success ? join(agentsDir, agentId) : undefined),
    ids() {
      const now = Date.now();
      const { mtimeMs } = statSync(agentsDir);
      if (read?.mtimeMs === mtimeMs) return read.ids;
      const ids = readdirSync(agentsDir, { withFileTypes: true })
        .filter((one) => one.isDirectory() && AgentId.safeParse(one.name).success)
        .map((one) => one.name)
        .sort();
      read = now - mtimeMs > tickMs ? { mtimeMs, ids } : undefined;
      return ids;
    },
  };
}

/** Beside a directory that a creation made, to put it away before it is removed: the same however often it is tried. */
export const asideFor = (path: string, operationId: string): string =>
  join(dirname(path), `.${basename(path)}.${sha256(operationId).slice(0, 12)}-0.tmp`);

/** @throws Problem `invalid_name` */
export function requireHome(homes: AgentHomes, agentId: string): string {
  const home = homes.of(agentId);
  if (home !== undefined) return home;
  throw new Problem(
    "invalid_name",
    "An agent's id is 1 to 64 of a-z, 0-9, _ and -, and begins with a letter or digit.",
  );
}

/** Whether a home without an entry is that of an agent someone else made: neither half made nor left behind. */
export const isForeign = (home: string): boolean =>
  existsSync(home) && !existsSync(entryPath(home, "pending")) && !existsSync(entryPath(home, "removed"));
