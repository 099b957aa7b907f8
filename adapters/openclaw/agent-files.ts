import { mkdirSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { HostCreate } from "../../src/ports.ts";
import { missingIn, requireUnlinked, type WorkspacePlace } from "../node/directory-host/workspace-paths.ts";
import { isDirectory } from "../node/files/is-directory.ts";
import { type MadeMarker, writeMarker } from "./made-marker.ts";

/**
 * The workspace and the agent's directories, all of them noted before they are made. Their content is OpenClaw's: it
 * fills a workspace itself.
 *
 * @param home `agents/<id>`
 */
export async function makeAgentFiles(home: string, agent: HostCreate, place: WorkspacePlace): Promise<MadeMarker> {
  const sessions = join(home, "sessions");
  const missing = missingIn(place);
  const marker: MadeMarker = {
    version: 1,
    operationId: agent.operationId,
    workspace: place.path,
    workspaceMade: missing.length > 0,
    ...(missing.length > 0 && { from: join(place.existing, missing[0]!) }),
    sessionsMade: !isDirectory(sessions),
    bindings: [...new Set(agent.bindings)],
  };
  mkdirSync(home, { recursive: true, mode: 0o700 });
  await writeMarker(home, marker);
  mkdirSync(place.path, { recursive: true, mode: 0o700 });
  requireUnlinked(place);
  for (const path of [join(home, "agent"), sessions]) mkdirSync(path, { recursive: true, mode: 0o700 });
  return marker;
}

/** The workspace and the directories that were made on the way to it, unless something came to be in them. */
export function removeEmptyAbove({ workspace, from }: MadeMarker): void {
  if (workspace === undefined || from === undefined) return;
  for (let path = workspace; path.length >= from.length; path = dirname(path)) {
    try {
      rmdirSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") return;
    }
  }
}
