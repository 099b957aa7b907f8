import { renameSync } from "node:fs";
import { exists, requireCurrent } from "../../../src/host/agent-problems.ts";
import type { Clock, HostCreate } from "../../../src/ports.ts";
import type { FileLock } from "../files/file-lock.ts";
import { type AgentEntry, type EntryState, entryPath, readEntry } from "./agent-entry.ts";
import { type AgentHomes, isForeign, requireHome } from "./agent-homes.ts";
import { beginAgent } from "./begin-agent.ts";
import { completeAgent } from "./complete-agent.ts";
import type { EntryIndex } from "./entry-index.ts";
import { type TornDown, tearDownAgent } from "./tear-down-agent.ts";
import type { WorkspacePaths } from "./workspace-paths.ts";
import type { Workspaces } from "./workspaces.ts";

interface Removal {
  workspace: boolean;
  sessions: boolean;
}

/** The changes that make and remove homes, each by one rename. */
export interface MakeAgents {
  /** @throws Problem `agent_exists`, `binding_taken`, `workspace_not_allowed`, `workspace_taken`; then nothing was changed */
  make(agent: HostCreate): Promise<AgentEntry>;
  /** Nothing but what the operation made is touched; an empty `operationId` stands for others, who made the agent. */
  remove(agentId: string, operationId: string, what: Removal): Promise<TornDown>;
}

/** Makes and removes agents whole. Calls for one agent come one after another. */
export function makeAgents(tools: {
  homes: AgentHomes;
  index: EntryIndex;
  paths: WorkspacePaths;
  workspaces: Workspaces;
  /** Held, for a moment, by whoever looks whose a home is in order to change it. */
  lock: FileLock;
  clock: Clock;
}): MakeAgents {
  const { homes, index, paths, workspaces, lock, clock } = tools;

  async function make(agent: HostCreate): Promise<AgentEntry> {
    const { agentId, operationId } = agent;
    const home = requireHome(homes, agentId);
    const made = readEntry(home, "agent");
    if (made?.made.operationId === operationId) return made;
    const halfRemoved = made ? undefined : readEntry(home, "removed");
    if (halfRemoved) await tearDown(home, "removed", halfRemoved, { workspace: false, sessions: false });
    const find = () => paths.place(agentId, agent.workspace);
    const place = find();
    const bindings = [...new Set(agent.bindings)];
    const release = await index.keep(agentId, bindings);
    try {
      const createdAt = new Date(clock.now()).toISOString();
      const entry = await workspaces.take(agentId, place, find, (willDo) =>
        beginFree(home, agent, () => {
          if (readEntry(home, "agent") || isForeign(home)) throw exists(agentId);
          const found = find();
          if (!willDo(found)) return undefined;
          return beginAgent(home, homes.tempPath(agentId), { ...agent, bindings }, found, createdAt);
        }),
      );
      await completeAgent(home, entry, agent, lock);
      index.note(entry);
      return entry;
    } catch (error) {
      // The part that cannot be undone now is still on record, and goes with the next `remove` or `make`.
      await undo(home, operationId).catch(() => undefined);
      throw error;
    } finally {
      release();
    }
  }

  /** A half-made agent goes first: nobody is at it, or its process has slept, and finds that it was overtaken. */
  async function beginFree<T>(home: string, agent: HostCreate, begin: () => T): Promise<T> {
    for (;;) {
      const step = await lock.run(async (): Promise<{ begun: T } | { halfMade: AgentEntry }> => {
        const halfMade = readEntry(home, "pending");
        if (!halfMade) return { begun: begin() };
        await requireCurrent(agent);
        return { halfMade };
      });
      if ("begun" in step) return step.begun;
      await tearDown(home, "pending", step.halfMade, { workspace: true, sessions: true });
    }
  }

  /** An entry that stands, but was not told of, is a pending one: what an earlier agent left is not its to take. */
  async function undo(home: string, operationId: string): Promise<void> {
    const isIts = (state: EntryState): boolean => readEntry(home, state)?.made.operationId === operationId;
    await lock.run(() => {
      if (isIts("agent")) renameSync(entryPath(home, "agent"), entryPath(home, "pending"));
    });
    const entry = isIts("pending") ? readEntry(home, "pending") : undefined;
    if (entry) await tearDown(home, "pending", entry, { workspace: true, sessions: true });
  }

  async function remove(agentId: string, operationId: string, what: Removal): Promise<TornDown> {
    const nothing = { deleted: [], preserved: [] };
    const home = homes.of(agentId);
    if (!home) return nothing;
    for (const state of ["agent", "pending", "removed"] as const) {
      const entry = readEntry(home, state);
      if (entry?.made.operationId !== operationId) continue;
      // An agent that was there before is given back, and not removed.
      if (entry.adopted) return nothing;
      return await tearDown(home, state, entry, what);
    }
    if (operationId !== "" || !isForeign(home)) return nothing;
    return await tearDown(home, "foreign", foreignEntry(agentId), what);
  }

  async function tearDown(home: string, state: EntryState | "foreign", entry: AgentEntry, what: Removal) {
    const workspace = what.workspace && paths.holds(entry.agentId, entry.workspace);
    const result = await tearDownAgent({
      home,
      tempPath: homes.tempPath(entry.agentId),
      state,
      entry,
      what: { ...what, workspace },
      removeWorkspace: () => workspaces.remove(entry),
      lock,
    });
    index.drop(entry);
    return result;
  }

  /** Nothing of what others made is known to be ours. */
  const foreignEntry = (agentId: string): AgentEntry => ({
    version: 1,
    agentId,
    name: agentId,
    workspace: "",
    bindings: [],
    createdAt: new Date(clock.now()).toISOString(),
    made: { operationId: "", workspace: false, files: [], sessions: false },
  });

  return { make, remove };
}
