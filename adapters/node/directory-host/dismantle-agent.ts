import { lstatSync, readdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { syncDirectory } from "../files/atomic-write.ts";
import { flush } from "../files/flush.ts";
import { type AgentEntry, type EntryState, entryPath, entryText } from "./agent-entry.ts";
import { authProfilesPath } from "./auth-profiles.ts";
import { bootstrapFiles } from "./bootstrap-files.ts";
import { removeTree } from "./remove-tree.ts";

export interface Dismantled {
  deleted: string[];
  preserved: string[];
}

/** Removes an agent, entry first: from then on there is none, and a repetition finishes what a crash cut short. */
export async function dismantleAgent(agent: {
  home: string;
  /** Where to put the emptied home away. */
  aside: string;
  /** In which of its files the entry was found; `foreign`: in none, since others made the agent. */
  state: EntryState | "foreign";
  entry: AgentEntry;
  /** `workspace`: whether what was made of it may go, which is all of it or the bootstrap files put into it. */
  what: { workspace: boolean; sessions: boolean };
  /** Removes a workspace that was made for the agent. @returns whether it is gone */
  removeWorkspace: () => Promise<boolean>;
}): Promise<Dismantled> {
  const { home, aside, state, entry, what } = agent;
  const result: Dismantled = { deleted: [], preserved: [] };
  const agentDir = join(home, "agent");
  const sessions = join(home, "sessions");

  if (state === "agent" || state === "foreign") {
    if (state === "agent") renameSync(entryPath(home, "agent"), entryPath(home, "removed"));
    else writeFileSync(entryPath(home, "removed"), entryText(entry), { flag: "wx", mode: 0o600 });
    await flush(home);
    result.deleted.push("entry");
    if (entry.bindings.length > 0) result.deleted.push("bindings");
  }
  if (unlinked(authProfilesPath(agentDir))) result.deleted.push("credentials");
  if (isDirectory(agentDir)) {
    ((await removeTree(agentDir)) ? result.deleted : result.preserved).push("agentDir");
  }
  if (isDirectory(sessions)) {
    const removable = what.sessions && (state !== "pending" || entry.made.sessions);
    const gone = removable && (await removeTree(sessions));
    (gone ? result.deleted : result.preserved).push("sessions");
  }
  const wasThere = isDirectory(entry.workspace);
  if (wasThere && what.workspace && !entry.made.workspace) removeBootstrapFiles(entry, state === "pending");
  const gone = what.workspace && entry.made.workspace && (await agent.removeWorkspace());
  if (wasThere) (gone ? result.deleted : result.preserved).push("workspace");

  const markers = [entryPath(home, "removed"), entryPath(home, "pending")].map((path) => basename(path));
  if (readdirSync(home).every((name) => markers.includes(name))) {
    renameSync(home, aside);
    rmSync(aside, { recursive: true, force: true });
  } else {
    // The marker of removal stays: without it, what was preserved would pass for an agent.
    rmSync(entryPath(home, "pending"), { force: true });
  }
  await syncDirectory(dirname(home));
  return result;
}

/** What an agent has written into is the agent's, and stays; what is half written is nobody's. */
function removeBootstrapFiles(entry: AgentEntry, halfWritten: boolean): void {
  const texts = bootstrapFiles(entry);
  for (const name of entry.made.files) {
    const path = join(entry.workspace, name);
    if (halfWritten || (isFile(path) && readFileSync(path, "utf8") === texts[name])) unlinked(path);
  }
}

const isFile = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
const isDirectory = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

function unlinked(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    throw error;
  }
}
