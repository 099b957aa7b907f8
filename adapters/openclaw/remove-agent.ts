import { rmdirSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Problem } from "../../src/errors.ts";
import type { AgentHost } from "../../src/ports.ts";
import { AgentId } from "../../src/schema/primitives.ts";
import { isDirectory } from "../node/files/is-directory.ts";
import { createTurns } from "../node/files/turns.ts";
import { removeEmptyAbove } from "./agent-files.ts";
import { longestReloadMs, until } from "./config-access.ts";
import { bindingsOf, dropAgent, hasAgent, isOurEntry } from "./config-entries.ts";
import { deletionOf } from "./deletion-journal.ts";
import { GatewayAway, GatewayLate, GatewayRefusal } from "./gateway-rpc.ts";
import { absolutePath, overlapsHeld } from "./held-workspaces.ts";
import { leaveToOthers } from "./leave-to-others.ts";
import { dropMarker, isMadeBy, type MadeMarker, readMarker } from "./made-marker.ts";
import type { HostTools } from "./make-agent.ts";
import type { OpenClawConfig } from "./openclaw-config.ts";
import { putBack } from "./trash.ts";

/** OpenClaw counts the file as it is written: with indentation. */
const written = (value: unknown): number => JSON.stringify(value, null, 2).length;

/** Whether the file without the agent would be hardly more than half of it, or less; what is read has defaults too. */
function isHalfOf(configFile: string, config: OpenClawConfig, agentId: string): boolean {
  const file = statSync(configFile, { throwIfNoEntry: false });
  return written(config.agents?.entries?.[agentId] ?? {}) > 0.4 * (file?.size ?? 0);
}

type Remove = AgentHost["remove"];
type Removed = Awaited<ReturnType<Remove>>;
type What = Parameters<Remove>[1];

/**
 * Removes agents by OpenClaw's own call: a running gateway has an agent's store open, and remembers its workspace. The
 * files that the call moves to the trash are removed for good, except those to be preserved.
 */
export function createAgentRemover(tools: HostTools): Remove {
  const { stateDir, config, changes, credentials, gateway, paths, homeOf, trash, log } = tools;
  const turns = createTurns();

  return async ({ agentId, operationId }, what) => {
    const nothing: Removed = { deleted: [], preserved: [] };
    if (!AgentId.safeParse(agentId).success) return nothing;
    const home = homeOf(agentId);
    const marker = readMarker(home);
    // An agent that others made has nothing that is known to be ours.
    if (marker?.operationId !== operationId || marker.adopted) return nothing;
    // One at a time: in the trash, one agent's files are told from another's by what is new there.
    return await turns("trash", () => remove(agentId, home, marker, what));
  };

  async function remove(agentId: string, home: string, marker: MadeMarker, what: What): Promise<Removed> {
    const agentDir = join(home, "agent");
    const sessions = join(home, "sessions");
    const workspace = marker.workspace ?? "";
    const live = await config.read();
    const shown = live.agents?.entries?.[agentId];
    // The file is ahead of a gateway that has yet to take up what it says.
    const isTakenUp = shown !== undefined && isOurEntry(shown, agentId);
    const before = isTakenUp ? live : await config.source();
    const entry = before.agents?.entries?.[agentId];
    // Until its marker is dropped all of this is its own; then it may be the next one's, made anew under the same id.
    const isIts = () => isMadeBy(home, marker);
    if (!isIts()) return { deleted: [], preserved: [] };
    const takeWorkspace =
      what.workspace &&
      marker.workspaceMade &&
      paths.holds(agentId, workspace) &&
      isDirectory(workspace) &&
      !overlapsHeld(before, agentId, workspace, tools);
    const present = {
      agentDir: isDirectory(agentDir),
      sessions: isDirectory(sessions),
      workspace: isDirectory(workspace),
    };
    const isThere = entry !== undefined;
    const isOthers = entry ? !isOurEntry(entry, agentId) : shown !== undefined || hasAgent(before, agentId);
    if (isOthers && !marker.revives) {
      await leaveToOthers(credentials, home, marker);
      return { deleted: [], preserved: [] };
    }
    // An agent that never came to be takes along what was made for it alone: an earlier one's sessions may have been preserved.
    const takeSessions = what.sessions && (isThere || marker.sessionsMade);
    const hadBindings = bindingsOf(before, agentId).length > 0;
    const hadKey = await credentials.clear(agentDir);

    let isKnown = false;
    if (isThere) {
      const isHalf = isHalfOf(config.file, before, agentId);
      const takesNamed = takeWorkspace && absolutePath(entry.workspace ?? "", tools) === workspace;
      if ((!takesNamed || isHalf) && isIts()) {
        await readyEntry(agentId, takesNamed ? undefined : join(home, "no-workspace"), isHalf);
      }
      const watched = await trash.watch([
        agentDir,
        sessions,
        ...(takeWorkspace ? [workspace] : []),
        ...["", "-wal", "-shm", "-journal"].map((ending) => join(agentDir, `openclaw-agent.sqlite${ending}`)),
      ]);
      const byGateway =
        isIts() &&
        (await changes.byGateway(async () => {
          isKnown = (await config.read()).agents?.entries?.[agentId] !== undefined;
          return isKnown && (await askGateway(agentId));
        }));
      if (!byGateway && isIts()) await dropEntry(agentId);
      for (const [path, place] of await watched.found()) {
        if (path === sessions && !takeSessions) await putBack(place, sessions);
        else await rm(join(place, ".."), { recursive: true, force: true });
      }
    }
    // A store whose agent the gateway has never known stays, empty, in a process that has it open.
    const keepsStore = !isKnown && credentials.isOpen(agentDir);
    if (!keepsStore && isIts()) await rm(agentDir, { recursive: true, force: true });
    if (takeSessions && isIts()) await rm(sessions, { recursive: true, force: true });
    if (takeWorkspace && isIts()) {
      await rm(workspace, { recursive: true, force: true });
      removeEmptyAbove(marker);
    }
    if (isIts()) dropMarker(home);
    try {
      rmdirSync(home);
    } catch {
      // Something is preserved in it.
    }

    const { deleted, preserved }: Removed = { deleted: [], preserved: [] };
    if (isThere) deleted.push("entry");
    if (hadBindings) deleted.push("bindings");
    if (hadKey) deleted.push("credentials");
    if (present.agentDir) deleted.push("agentDir");
    if (present.sessions) (takeSessions ? deleted : preserved).push("sessions");
    if (present.workspace) (takeWorkspace ? deleted : preserved).push("workspace");
    return { deleted, preserved };
  }

  /**
   * OpenClaw's call takes the workspace that the entry names, or nothing at all: so the entry is made to name none
   * that is to stay, nor one that the operator named since. The call is refused where half of the file would go: so a
   * large entry is made a small one, which lets its agent, whose key is dead by now, do nothing. Its name tells when a
   * gateway works with it: OpenClaw's own write during a reload makes OpenClaw give that up, and restart at worst.
   */
  async function readyEntry(agentId: string, elsewhere: string | undefined, small: boolean): Promise<void> {
    const name = `${agentId} (being deleted)`;
    const { applied } = await changes.make({
      agentId,
      apply(draft) {
        const entry = draft.agents?.entries?.[agentId];
        if (!entry) return;
        entry.name = name;
        if (elsewhere !== undefined) entry.workspace = elsewhere;
        if (small) {
          for (const name of ["subagents", "memory", "modelPolicy", "model"] as const) delete entry[name];
          entry.tools = { allow: ["session_status"] };
        }
      },
    });
    await applied;
  }

  /** @returns whether a gateway did it */
  async function askGateway(agentId: string): Promise<boolean> {
    try {
      const { failed } = await gateway.request<{ failed?: { path: string }[] }>("agents.delete", {
        agentId,
        deleteFiles: true,
      });
      if (failed && failed.length > 0)
        log("warn", "OpenClaw could not remove all of an agent", { agentId, failed: failed.length });
    } catch (cause) {
      if (cause instanceof GatewayLate && deletionOf(stateDir, agentId) !== "none") await requireDone(agentId);
      else if (cause instanceof GatewayAway) return false;
      else if (cause instanceof GatewayRefusal) {
        throw new Problem("gateway_failed", "OpenClaw refused to delete the agent.", { cause });
      } else throw cause;
    }
    if (!(await config.applied(({ agents }) => agents[agentId] === undefined))) throw notLetGo();
    return true;
  }

  /** What it has begun it goes on with: it moves files into the trash where nobody would look for them any more. */
  async function requireDone(agentId: string): Promise<void> {
    const isDone = () => deletionOf(stateDir, agentId) !== "running";
    if (!(await until({ everyMs: 50, withinMs: longestReloadMs }, isDone))) throw notLetGo();
  }

  async function dropEntry(agentId: string): Promise<void> {
    const { applied } = await changes.make({
      agentId,
      apply: (draft) => dropAgent(draft, agentId),
      removes: true,
    });
    await applied;
  }
}

const notLetGo = (): Problem => new Problem("gateway_failed", "OpenClaw has not let go of the agent in time.");
