import { lstatSync, realpathSync, renameSync, rmdirSync } from "node:fs";
import { dirname } from "node:path";
import { workspaceTaken } from "../../../src/domain/taken.ts";
import type { FileLock } from "../files/file-lock.ts";
import { groupCommit } from "../files/group-commit.ts";
import { isThere } from "../files/is-there.ts";
import type { AgentEntry } from "./agent-entry.ts";
import { type AgentHomes, asideFor } from "./agent-homes.ts";
import type { EntryIndex } from "./entry-index.ts";
import { type HeldWorkspaces, heldByNext, readHeldWorkspaces } from "./held-workspaces.ts";
import { removeTree } from "./remove-tree.ts";
import type { WorkspacePaths, WorkspacePlace } from "./workspace-paths.ts";

/** Makes and removes workspaces under one lock over all processes. */
export interface Workspaces {
  /**
   * Takes a place for a workspace while none in which it may lie is being removed, by whichever process, and where it
   * overlaps no other agent's, whoever takes one at the same time.
   * @param place where it is
   * @param find where it is now: what was found may be gone when the wait is over
   * @param take looks for itself and, if what it then finds will do, leaves a pending entry, by which removals and
   *   others see it, and makes the workspace
   * @throws Problem `workspace_taken`, after which the pending entry, if any, is to be undone
   */
  take(agentId: string, place: WorkspacePlace, find: () => WorkspacePlace, take: Take): Promise<AgentEntry>;
  /**
   * Removes the workspace that was made for an agent, and the directories that were made on the way to it, unless
   * something else is in them.
   * @returns whether it is gone; what is, or has in it, another agent's workspace stays, and so does what the
   * system withholds
   */
  remove(entry: AgentEntry): Promise<boolean>;
}

type Take = (willDo: (place: WorkspacePlace) => boolean) => Promise<AgentEntry | undefined>;

interface Removal {
  entry: AgentEntry;
  outcome?: Promise<boolean>;
}

/** @param tools.homesLock held where an agent begins to be: taken inside of the other lock, and for a moment */
export function createWorkspaces(tools: {
  homes: AgentHomes;
  index: EntryIndex;
  paths: WorkspacePaths;
  lock: FileLock;
  homesLock: FileLock;
}): Workspaces {
  const { homes, index, paths, lock, homesLock } = tools;

  async function requireFree(agentId: string, { path }: WorkspacePlace): Promise<void> {
    if ((await readHeldWorkspaces(homes, paths)).overlapsOthers(agentId, path)) throw workspaceTaken();
  }

  const isFresh = (place: WorkspacePlace): boolean => !paths.mayBeAnothers(place);

  /** Without the lock: in nobody's way unless somebody else makes the very directory in between. */
  async function takeFresh(agentId: string, place: WorkspacePlace, take: Take) {
    if (await index.overlapsOthers(agentId, place.path)) throw workspaceTaken();
    const entry = await take(isFresh);
    if (entry && !entry.made.workspace) await lock.run(() => requireFree(agentId, place));
    return entry;
  }

  // Removals do not disturb each other: those that arrive while others run share the lock and the look.
  const removeTogether = groupCommit<Removal>((removals) =>
    lock.run(async () => {
      let look: Promise<HeldWorkspaces> | undefined;
      for (const one of removals) one.outcome = removeOne(one.entry, () => (look ??= readHeldWorkspaces(homes, paths)));
      // The lock is kept until the last has ended, also where one fails.
      await Promise.allSettled(removals.map(({ outcome }) => outcome));
    }),
  );

  async function removeOne(entry: AgentEntry, look: () => Promise<HeldWorkspaces>): Promise<boolean> {
    const { agentId, workspace, made } = entry;
    const put = asideFor(workspace, made.operationId);
    // Left by a removal that was cut short.
    await removeTree(put);
    if (isThere(workspace)) {
      if (!isOwnDirectory(workspace) || (await look()).heldByOthers(agentId, workspace)) return false;
      if (!(await homesLock.run(() => putAside(entry, put)))) return false;
      if (isThere(put) && !(await removeTree(put))) {
        if (!isThere(workspace)) renameSync(put, workspace);
        return false;
      }
    }
    removeEmptyAbove(workspace, made.from);
    return true;
  }

  /** From then on its path is free, for the agent that is made anew under this id too, and what it makes there stays. */
  function putAside(entry: AgentEntry, put: string): boolean {
    if (heldByNext(homes.of(entry.agentId)!, entry)) return false;
    if (isThere(entry.workspace)) renameSync(entry.workspace, put);
    return true;
  }

  return {
    async take(agentId, place, find, take) {
      const fresh = isFresh(place) ? await takeFresh(agentId, place, take) : undefined;
      if (fresh) return fresh;
      return await lock.run(async () => {
        const found = find();
        await requireFree(agentId, found);
        const entry = (await take(() => true))!;
        // A directory above it may have been taken without the lock, before this one was in it.
        if (entry.made.workspace) await requireFree(agentId, found);
        return entry;
      });
    },
    async remove(entry) {
      const removal: Removal = { entry };
      await removeTogether(removal);
      return (await removal.outcome) ?? false;
    },
  };
}

/** Neither a link nor reached through one. */
const isOwnDirectory = (path: string): boolean => lstatSync(path).isDirectory() && realpathSync.native(path) === path;

function removeEmptyAbove(workspace: string, from: string | undefined): void {
  if (from === undefined) return;
  for (let path = dirname(workspace); path.length >= from.length; path = dirname(path)) {
    try {
      rmdirSync(path);
    } catch {
      return;
    }
  }
}
