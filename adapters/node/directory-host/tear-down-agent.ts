import { lstatSync, readdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { syncDirectory } from "../files/atomic-write.ts";
import type { FileLock } from "../files/file-lock.ts";
import { flush } from "../files/flush.ts";
import { isDirectory } from "../files/is-directory.ts";
import { type AgentEntry, type EntryState, entryPath, entryText, readEntry } from "./agent-entry.ts";
import { asideFor, isForeign } from "./agent-homes.ts";
import { authProfilesPath } from "./auth-profiles.ts";
import { bootstrapFiles } from "./bootstrap-files.ts";
import { removeTree } from "./remove-tree.ts";

/** The parts of an agent by name: `entry`, `agentDir`, `sessions`, `workspace`. */
export interface TornDown {
  deleted: string[];
  preserved: string[];
}

interface TearDown {
  home: string;
  /** A path at which the emptied home is put away. */
  tempPath: string;
  /** The file in which the entry was found; `foreign`: none, since others made the agent. */
  state: EntryState | "foreign";
  entry: AgentEntry;
  /** `workspace`: whether what was made of it may go, which is all of it or the bootstrap files put into it. */
  what: { workspace: boolean; sessions: boolean };
  /** Removes a workspace that was made for the agent. @returns whether it is gone */
  removeWorkspace: () => Promise<boolean>;
  lock: FileLock;
}

/**
 * Removes an agent, entry first: from then on there is none, and a repetition finishes what a crash cut short. Under
 * the lock, what is to go is put aside if it is this creation's still; only there it is removed, however long that takes.
 */
export async function tearDownAgent(agent: TearDown): Promise<TornDown> {
  const { home, tempPath, state, entry, what, lock } = agent;
  const result: TornDown = { deleted: [], preserved: [] };
  const parts = [part(agent, "agent", "agentDir"), part(agent, "sessions", "sessions")];
  // Left by a removal that was cut short.
  for (const { put } of parts) await removeTree(put);

  const found = await lock.run(() => (isIts(agent) ? unhook(agent, parts) : undefined));
  if (!found) return result;
  if (state === "agent" || state === "foreign") {
    await flush(home);
    result.deleted.push("entry");
    if (entry.bindings.length > 0) result.deleted.push("bindings");
  }
  if (found.credentials) result.deleted.push("credentials");
  for (const one of parts) {
    if (!one.there) continue;
    const gone = isDirectory(one.put) ? await removeTree(one.put) : one.removable;
    if (!gone && isDirectory(one.put)) await lock.run(() => putBack(one));
    (gone ? result.deleted : result.preserved).push(one.called);
  }
  const gone = what.workspace && entry.made.workspace && (await agent.removeWorkspace());
  if (found.workspace) (gone ? result.deleted : result.preserved).push("workspace");

  await lock.run(() => leave(home, tempPath, entry));
  rmSync(tempPath, { recursive: true, force: true });
  await syncDirectory(dirname(home));
  return result;
}

interface Part {
  path: string;
  put: string;
  called: string;
  removable: boolean;
  there: boolean;
}

function part({ home, state, entry, what }: TearDown, name: "agent" | "sessions", called: string): Part {
  const path = join(home, name);
  const removable = name === "agent" || (what.sessions && (state !== "pending" || entry.made.sessions));
  return { path, put: asideFor(path, entry.made.operationId), called, removable, there: false };
}

/** Another process may have removed it since it was read, and made the agent anew. */
const isIts = ({ home, state, entry }: TearDown): boolean =>
  state === "foreign" ? isForeign(home) : readEntry(home, state)?.made.operationId === entry.made.operationId;

function unhook({ home, state, entry, what }: TearDown, parts: Part[]) {
  if (state === "agent") renameSync(entryPath(home, "agent"), entryPath(home, "removed"));
  if (state === "foreign")
    writeFileSync(entryPath(home, "removed"), entryText(home, entry), { flag: "wx", mode: 0o600 });
  const credentials = unlinked(authProfilesPath(join(home, "agent")));
  for (const one of parts) {
    one.there = isDirectory(one.path);
    if (one.there && one.removable) renameSync(one.path, one.put);
  }
  const workspace = isDirectory(entry.workspace);
  if (workspace && what.workspace && !entry.made.workspace) removeBootstrapFiles(entry, state === "pending");
  return { credentials, workspace };
}

/** The system withholds some of it: it stays where it was, unless the next agent of this id has its own there. */
function putBack({ path, put }: Part): void {
  if (!isDirectory(path)) renameSync(put, path);
}

function leave(home: string, tempPath: string, entry: AgentEntry): void {
  const next = (["pending", "agent"] as const).map((state) => readEntry(home, state));
  if (!isDirectory(home) || next.some((one) => one && one.made.operationId !== entry.made.operationId)) return;
  const markers = [entryPath(home, "removed"), entryPath(home, "pending")].map((path) => basename(path));
  if (readdirSync(home).every((name) => markers.includes(name))) renameSync(home, tempPath);
  // The marker of removal stays: without it, what was preserved would pass for an agent.
  else rmSync(entryPath(home, "pending"), { force: true });
}

/** A file that an agent has written into is the agent's, and stays. A half-written one is nobody's. */
function removeBootstrapFiles(entry: AgentEntry, halfWritten: boolean): void {
  const texts = bootstrapFiles(entry);
  for (const name of entry.made.files) {
    const path = join(entry.workspace, name);
    if (halfWritten || (isFile(path) && readFileSync(path, "utf8") === texts[name])) unlinked(path);
  }
}

const isFile = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;

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
