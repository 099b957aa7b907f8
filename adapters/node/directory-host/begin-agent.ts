import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostCreate } from "../../../src/ports.ts";
import { isThere } from "../files/is-there.ts";
import { type AgentEntry, entryPath, entryText } from "./agent-entry.ts";
import { authProfilesPath, authProfilesText, withCredential } from "./auth-profiles.ts";
import { bootstrapFiles } from "./bootstrap-files.ts";
import { missingIn, requireUnlinked, type WorkspacePlace } from "./workspace-paths.ts";

/** Exclusive, so that nothing is overwritten and no planted link followed. */
const writeNew = (path: string, text: string): void => writeFileSync(path, text, { flag: "wx", mode: 0o600 });

/**
 * Makes the pending entry, by which `tearDownAgent` removes whatever a crash or a failure leaves, and then the
 * workspace, what is in it, the agent's directories and its credential. All at once and under the lock: nothing comes
 * between the look and the making.
 *
 * @param home `agents/<id>`, missing or with nothing in it but what a removed agent left
 * @param tempPath where to make it
 */
export function beginAgent(
  home: string,
  tempPath: string,
  agent: HostCreate,
  place: WorkspacePlace,
  createdAt: string,
): AgentEntry {
  const missing = missingIn(place);
  const names = agent.skipBootstrap ? [] : Object.keys(bootstrapFiles(agent));

  const entry: AgentEntry = {
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
      files: missing.length > 0 ? [] : names.filter((name) => !isThere(join(place.path, name))),
      sessions: !isThere(join(home, "sessions")),
    },
  };
  placePending(home, tempPath, entry);

  if (missing.length > 0 && !makeWorkspace(place.existing, missing)) {
    // Somebody made it since we looked: it is theirs, also when this creation is undone.
    entry.made.workspace = false;
    writeFileSync(entryPath(home, "pending"), entryText(home, entry));
  }
  requireUnlinked(place);
  fillHome(home, entry, agent);
  return entry;
}

function fillHome(home: string, entry: AgentEntry, agent: HostCreate): void {
  const files = agent.skipBootstrap ? {} : bootstrapFiles(agent);
  for (const [name, text] of Object.entries(files)) {
    if (entry.made.workspace || entry.made.files.includes(name)) writeNew(join(entry.workspace, name), text);
  }
  const agentDir = join(home, "agent");
  mkdirSync(agentDir, { mode: 0o700 });
  if (entry.made.sessions) mkdirSync(join(home, "sessions"), { mode: 0o700 });
  if (!agent.credential) return;
  // Not yet an agent's: nobody reads it before the entry stands, so it need not be replaced atomically.
  writeNew(authProfilesPath(agentDir), authProfilesText(withCredential(undefined, agent.credential)));
}

/** The home appears together with its pending entry, and never without. */
function placePending(home: string, tempPath: string, entry: AgentEntry): void {
  try {
    mkdirSync(tempPath, { mode: 0o700 });
    writeNew(entryPath(tempPath, "pending"), entryText(home, entry));
    if (isThere(home)) renameSync(entryPath(tempPath, "pending"), entryPath(home, "pending"));
    else renameSync(tempPath, home);
  } finally {
    remove(tempPath);
  }
}

/** A path that is in nobody's way is worth no failure. */
export function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // The next start sweeps a path left aside.
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
