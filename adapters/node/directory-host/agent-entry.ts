import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import * as z from "zod/mini";
import { Problem } from "../../../src/errors.ts";
import { AgentId } from "../../../src/schema/primitives.ts";
import { presentPath, storedPath } from "../files/movable-paths.ts";
import { AuthBefore } from "./auth-before.ts";

/**
 * An agent's configuration entry, and with it the memory of what was made for it.
 *
 * | file in `agents/<id>/` | says |
 * |---|---|
 * | `agent.pending.json` | a creation is under way, or was when its process died: this is no agent yet |
 * | `agent.json`         | the agent. The rename from `agent.pending.json` is the moment at which it is made |
 * | `agent.removed.json` | the agent is gone; what is left here was preserved. The rename is the moment of removal |
 */
export const AgentEntry = z.object({
  version: z.literal(1),
  agentId: AgentId,
  name: z.string(),
  workspace: z.string(),
  model: z.optional(z.string()),
  // Read more loosely than it is accepted: a hand's edit must not cost the agent its entry.
  identity: z.optional(
    z.object({ name: z.optional(z.string()), emoji: z.optional(z.string()), avatar: z.optional(z.string()) }),
  ),
  bindings: z.array(z.string()),
  createdAt: z.string(),
  made: z.object({
    operationId: z.string(),
    /** The workspace was not there before. */
    workspace: z.boolean(),
    /** The first directory that had to be made for it: the workspace or one above it. */
    from: z.optional(z.string()),
    /** Bootstrap files put into a workspace that was there before. */
    files: z.array(z.string()),
    /** The sessions directory was not left by an earlier agent of this id. */
    sessions: z.boolean(),
  }),
  /** It was there before, made by others: what it is given back. */
  adopted: z.optional(
    z.object({
      /** The text of this file as it was; absent: there was none. */
      entry: z.optional(z.string()),
      auth: AuthBefore,
    }),
  ),
});
export type AgentEntry = z.infer<typeof AgentEntry>;

export type EntryState = "pending" | "agent" | "removed";
const fileNames = { pending: "agent.pending.json", agent: "agent.json", removed: "agent.removed.json" } as const;

/** The file's name says whether the agent is made, in the making, or removed. */
export const entryPath = (home: string, state: EntryState): string => join(home, fileNames[state]);
/** The state directory of an agent's home, `agents/<id>` in it. */
export const stateDirOf = (home: string): string => dirname(dirname(home));

/** JSON in which paths below the state directory are relative to it, since that may be moved. */
export const entryText = (home: string, entry: AgentEntry): string =>
  `${JSON.stringify(
    withPaths(entry, (path) => storedPath(stateDirOf(home), path)),
    null,
    2,
  )}\n`;

const withPaths = (entry: AgentEntry, rename: (path: string) => string): AgentEntry => ({
  ...entry,
  workspace: rename(entry.workspace),
  made: { ...entry.made, ...(entry.made.from !== undefined && { from: rename(entry.made.from) }) },
});

class NewerEntry extends Error {
  readonly version: number;
  constructor(version: number) {
    super("an entry of a newer release");
    this.version = version;
  }
}

/** @throws Problem `store_unreadable` for a file that is there and is not an entry */
export function readEntry(home: string, state: EntryState): AgentEntry | undefined {
  const path = entryPath(home, state);
  let text: string;
  try {
    // A creation looks for five files that are not there, and an error costs more than a look.
    if (!statSync(path, { throwIfNoEntry: false })) return undefined;
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw unreadable(home, state, error);
  }
  try {
    const value = JSON.parse(text);
    if (value?.version > 1) throw new NewerEntry(value.version);
    const entry = AgentEntry.parse(value);
    return withPaths(entry, (path) => presentPath(stateDirOf(home), path));
  } catch (error) {
    throw unreadable(home, state, error);
  }
}

const unreadable = (home: string, state: EntryState, cause: unknown): Problem => {
  const file = `agents/${home.slice(home.lastIndexOf("/") + 1)}/${fileNames[state]}`;
  const remedy =
    cause instanceof NewerEntry
      ? `was written by a newer release (version ${cause.version}, this release reads 1); run that release`
      : "cannot be read as an agent's entry; correct it or restore it from a backup";
  return new Problem("store_unreadable", `${file} ${remedy}.`, { cause });
};
