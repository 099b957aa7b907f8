import { lstatSync, mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { workspaceProblem } from "../../../src/host/workspace-text.ts";
import type { HostCreate } from "../../../src/ports.ts";
import { syncDirectory } from "../files/atomic-write.ts";
import { flush } from "../files/flush.ts";
import { type AgentEntry, entryPath, entryText } from "./agent-entry.ts";
import { authProfilesPath, authProfilesText, withCredential } from "./auth-profiles.ts";
import { bootstrapFiles } from "./bootstrap-files.ts";
import type { WorkspacePlace } from "./workspace-paths.ts";

/** Exclusive, so that nothing is overwritten and no planted link followed. */
const writeNew = (path: string, text: string): void => writeFileSync(path, text, { flag: "wx", mode: 0o600 });
const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

/**
 * Makes the workspace, the agent's directories, its credential and, at last, its entry. Whatever a crash or a
 * failure leaves is recorded in the pending entry, by which `dismantleAgent` removes it.
 *
 * @param home `agents/<id>`, missing or with nothing in it but what a removed agent left
 * @param aside where to make it
 */
export async function buildAgent(
  home: string,
  aside: string,
  agent: HostCreate,
  place: WorkspacePlace,
  createdAt: string,
): Promise<AgentEntry> {
  const agentDir = join(home, "agent");
  const sessions = join(home, "sessions");
  const pending = entryPath(home, "pending");
  const missing = relative(place.existing, place.path)
    .split(sep)
    .filter((one) => one !== "");
  const files = agent.skipBootstrap ? {} : bootstrapFiles(agent);

  let entry: AgentEntry = {
    version: 1,
    agentId: agent.agentId,
    name: agent.name,
    workspace: place.path,
    ...(agent.model !== undefined && { model: agent.model }),
    ...(agent.identity && { identity: agent.identity }),
    bindings: agent.bindings,
    createdAt,
    made: {
      operationId: agent.operationId,
      workspace: missing.length > 0,
      ...(missing.length > 0 && { from: join(place.existing, missing[0]!) }),
      files: missing.length > 0 ? [] : Object.keys(files).filter((name) => !isThere(join(place.path, name))),
      sessions: !isThere(sessions),
    },
  };
  placePending(home, aside, entry);

  if (missing.length > 0 && !makeWorkspace(place.existing, missing)) {
    // Somebody made it since we looked: it is theirs, also when this creation is undone.
    entry = { ...entry, made: { ...entry.made, workspace: false } };
    writeFileSync(pending, entryText(entry));
  }
  // A directory above may have become a link between the look and the making.
  if (realpathSync.native(place.path) !== place.path) {
    throw workspaceProblem(place.path, "was replaced by a link while it was being made.");
  }
  for (const [name, text] of Object.entries(files)) {
    const path = join(place.path, name);
    if (entry.made.workspace || entry.made.files.includes(name)) writeNew(path, text);
  }

  mkdirSync(agentDir, { mode: 0o700 });
  if (entry.made.sessions) mkdirSync(sessions, { mode: 0o700 });
  const durable = [pending, agentDir];
  if (agent.credential) {
    // Not yet an agent's: nobody reads it before the entry stands, so it need not be replaced atomically.
    writeNew(authProfilesPath(agentDir), authProfilesText(withCredential(undefined, agent.credential)));
    durable.push(authProfilesPath(agentDir));
  }
  await flush(...durable);
  renameSync(pending, entryPath(home, "agent"));
  await Promise.all([flush(home), syncDirectory(dirname(home))]);
  // Where an entry stands, a marker of an earlier removal means nothing.
  remove(entryPath(home, "removed"));
  return entry;
}

/** The home appears together with its pending entry, and never without. */
function placePending(home: string, aside: string, entry: AgentEntry): void {
  try {
    mkdirSync(aside, { mode: 0o700 });
    writeNew(entryPath(aside, "pending"), entryText(entry));
    if (isThere(home)) renameSync(entryPath(aside, "pending"), entryPath(home, "pending"));
    else renameSync(aside, home);
  } finally {
    remove(aside);
  }
}

/** What is in nobody's way is worth no failure. */
function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // What is left aside is swept at the next start.
  }
}

/** @returns whether the last of them was made here */
function makeWorkspace(existing: string, missing: string[]): boolean {
  let made = false;
  let path = existing;
  for (const segment of missing) {
    path = join(path, segment);
    try {
      mkdirSync(path, { mode: 0o700 });
      made = true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      made = false;
    }
  }
  return made;
}
