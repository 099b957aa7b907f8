import { readFileSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { Problem } from "../../src/errors.ts";
import { AuthBefore } from "../node/directory-host/auth-before.ts";
import { writePrivate } from "../node/files/atomic-write.ts";
import { presentPath, storedPath } from "../node/files/movable-paths.ts";

/**
 * `agents/<id>/provisioning.json`: what was made for an agent, for undoing and removing it. OpenClaw's own file has a
 * strict schema and no room for it.
 */
export const MadeMarker = z.object({
  version: z.literal(1),
  /** Absent: others made the agent, and we gave it a credential. */
  operationId: z.optional(z.string()),
  workspace: z.optional(z.string()),
  /** The workspace was not there before. */
  workspaceMade: z.boolean(),
  /** The first directory that had to be made for it: the workspace or one above it. */
  from: z.optional(z.string()),
  /** The sessions directory was not left by an earlier agent of this id. */
  sessionsMade: z.boolean(),
  bindings: z.array(z.string()),
  profileId: z.optional(z.string()),
  /** The provider with whose key the model is to be called: the name of an entry of `models.providers`. */
  provider: z.optional(z.string()),
  /** OpenClaw is asked to make the entry first, which has nothing of ours then. */
  revives: z.optional(z.boolean()),
  /** It was there before, made by others: what it is given back. */
  adopted: z.optional(
    z.object({
      /** Its entry as JSON; absent: it was the implicit default agent, which had none. */
      entry: z.optional(z.string()),
      auth: AuthBefore,
      /** An earlier marker, as JSON: we had given it a credential. */
      marker: z.optional(z.string()),
    }),
  ),
});
export type MadeMarker = z.infer<typeof MadeMarker>;

const pathOf = (home: string): string => join(home, "provisioning.json");

/** @throws Problem `store_unreadable` for a file that is there and is no marker */
export function readMarker(home: string): MadeMarker | undefined {
  let version: unknown;
  try {
    const value = JSON.parse(readFileSync(pathOf(home), "utf8"));
    version = value?.version;
    return withPaths(home, MadeMarker.parse(value), presentPath);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    const isNewer = typeof version === "number" && version > 1;
    const fault = isNewer
      ? `was written by a newer release (version ${version}, this release reads 1); run that release`
      : "cannot be read; correct or remove it";
    const name = home.slice(home.lastIndexOf("/") + 1);
    throw new Problem("store_unreadable", `agents/${name}/provisioning.json ${fault}.`, { cause });
  }
}

/** Atomic, and for this user's eyes alone. */
export async function writeMarker(home: string, marker: MadeMarker): Promise<void> {
  await writePrivate(pathOf(home), `${JSON.stringify(withPaths(home, marker, storedPath), null, 2)}\n`);
}

/** Below the state directory, which may be moved, paths are stored relative to it. */
function withPaths(home: string, marker: MadeMarker, rename: (stateDir: string, path: string) => string): MadeMarker {
  const { workspace, from } = marker;
  if (workspace === undefined && from === undefined) return marker;
  const stateDir = realpathSync.native(join(home, "..", ".."));
  return {
    ...marker,
    ...(workspace !== undefined && { workspace: rename(stateDir, workspace) }),
    ...(from !== undefined && { from: rename(stateDir, from) }),
  };
}

/** Whether its model was named for a key of ours, and not for one that the gateway has. */
export const isMadeHere = (marker: MadeMarker | undefined): boolean =>
  marker?.operationId !== undefined && marker.adopted === undefined;

/** Whether the home is this creation's still: another process may have removed it, and made the agent anew. */
export const isMadeBy = (home: string, { operationId }: Pick<MadeMarker, "operationId">): boolean =>
  readMarker(home)?.operationId === operationId;

/** No failure where it is gone already. */
export const dropMarker = (home: string): void => rmSync(pathOf(home), { force: true });
