import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { Problem } from "../../src/errors.ts";
import { writePrivate } from "../node/files/atomic-write.ts";

/**
 * `agents/<id>/provisioning.json`: what was made for an agent, for undoing and removing it. OpenClaw's own file has a
 * strict schema and no room for it.
 */
const MadeMarker = z.object({
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
  /** Whose key the model is to be called with: the name of an entry of `models.providers`. */
  provider: z.optional(z.string()),
});
export type MadeMarker = z.infer<typeof MadeMarker>;

const pathOf = (home: string): string => join(home, "provisioning.json");

/** @throws Problem `store_unreadable` for a file that is there and is no marker */
export function readMarker(home: string): MadeMarker | undefined {
  try {
    return MadeMarker.parse(JSON.parse(readFileSync(pathOf(home), "utf8")));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    const name = home.slice(home.lastIndexOf("/") + 1);
    throw new Problem("store_unreadable", `agents/${name}/provisioning.json cannot be read; correct or remove it.`, {
      cause,
    });
  }
}

export async function writeMarker(home: string, marker: MadeMarker): Promise<void> {
  await writePrivate(pathOf(home), `${JSON.stringify(marker, null, 2)}\n`);
}

/** Whether the home is this creation's still: another process may have removed it, and made the agent anew. */
export const isMadeBy = (home: string, { operationId }: Pick<MadeMarker, "operationId">): boolean =>
  readMarker(home)?.operationId === operationId;

export const dropMarker = (home: string): void => rmSync(pathOf(home), { force: true });
