import { lstatSync, readFileSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { presentPath, storedPath } from "../files/movable-paths.ts";
import { type AgentEntry, type EntryState, entryPath, readEntry, stateDirOf } from "./agent-entry.ts";
import { type AgentHomes, isForeign } from "./agent-homes.ts";
import { isInOrAt, overlap } from "./overlap.ts";
import type { WorkspacePaths } from "./workspace-paths.ts";

/** Answers from the entries of other agents, those in the making included. */
export interface HeldWorkspaces {
  /** Whether this directory is, or has in it, the workspace of another agent, made or in the making. */
  heldByOthers(agentId: string, directory: string): boolean;
  /** Whether this path is another agent's workspace, lies in one or around one. */
  overlapsOthers(agentId: string, path: string): boolean;
}

/** An entry that does not parse still shows in its text which paths it may mean. */
type Holding = { agentId: string; workspace: string } | { agentId: string; text: string | undefined; stateDir: string };

const chunk = 200;

/** Reads every entry as it is now: another process may have made an agent anew under an id that is known. */
export async function readHeldWorkspaces(homes: AgentHomes, paths: WorkspacePaths): Promise<HeldWorkspaces> {
  const holdings: Holding[] = [];
  let read = 0;
  for (const agentId of homes.ids()) {
    // The order counts: an agent that is made in between is seen in one of them.
    for (const state of ["pending", "agent"] as const) {
      const holding = holdingOf(homes.of(agentId)!, agentId, state);
      if (holding) holdings.push(holding);
    }
    if (isForeign(homes.of(agentId)!)) holdings.push({ agentId, workspace: paths.defaultPath(agentId) });
    // Thousands of files must not hold up other requests.
    if (++read % chunk === 0) await nextTurn();
  }
  return {
    heldByOthers: (agentId, directory) =>
      holdings.some((one) => one.agentId !== agentId && mayBeInOrAt(one, directory)),
    overlapsOthers: (agentId, path) => holdings.some((one) => one.agentId !== agentId && mayOverlap(one, path)),
  };
}

/** Whether the agent that was made anew under this id, after this one, has its workspace there or above. */
export function heldByNext(home: string, { workspace, made }: AgentEntry): boolean {
  return (["pending", "agent"] as const).some((state) => {
    const entry = readEntry(home, state);
    return entry && entry.made.operationId !== made.operationId && isInOrAt(entry.workspace, workspace);
  });
}

function holdingOf(home: string, agentId: string, state: EntryState): Holding | undefined {
  const path = entryPath(home, state);
  const stateDir = stateDirOf(home);
  let text: string;
  try {
    // Nearly every look for a pending entry is in vain, and an error costs more than a look.
    if (!lstatSync(path, { throwIfNoEntry: false })) return undefined;
    text = readFileSync(path, "utf8");
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? undefined : { agentId, text: undefined, stateDir };
  }
  try {
    const { workspace } = JSON.parse(text);
    if (typeof workspace === "string") return { agentId, workspace: presentPath(stateDir, workspace) };
  } catch {
    // A lost workspace costs more than one left over.
  }
  return { agentId, text, stateDir };
}

function mayBeInOrAt(holding: Holding, directory: string): boolean {
  if ("workspace" in holding) return isInOrAt(holding.workspace, directory);
  return holding.text === undefined || mayName(holding.text, holding.stateDir, directory);
}

/** One damaged entry must not keep every other agent from being made: it speaks for the paths that its text names. */
function mayOverlap(holding: Holding, path: string): boolean {
  if ("workspace" in holding) return holding.workspace !== "" && overlap(holding.workspace, path);
  return holding.text !== undefined && mayName(holding.text, holding.stateDir, path);
}

const mayName = (text: string, stateDir: string, path: string): boolean =>
  [path, storedPath(stateDir, path)].some((one) => text.includes(JSON.stringify(one).slice(1, -1)));
