import { renameSync } from "node:fs";
import { Problem } from "../../../src/errors.ts";
import type { Clock, HostCreate } from "../../../src/ports.ts";
import { type AgentEntry, type EntryState, entryPath, readEntry } from "./agent-entry.ts";
import { type AgentHomes, isForeign, requireHome } from "./agent-homes.ts";
import { beginAgent } from "./begin-agent.ts";
import { buildAgent } from "./build-agent.ts";
import { type Dismantled, dismantleAgent } from "./dismantle-agent.ts";
import type { EntryIndex } from "./entry-index.ts";
import type { WorkspacePaths } from "./workspace-paths.ts";
import type { Workspaces } from "./workspaces.ts";

export interface Removal {
  workspace: boolean;
  sessions: boolean;
}

export interface MakeAgents {
  /** @throws Problem `agent_exists`, `binding_taken`, `workspace_not_allowed`, `workspace_taken`; then nothing was changed */
  make(agent: HostCreate): Promise<AgentEntry>;
  /** Nothing but what the operation made is touched; an empty `operationId` stands for whoever made the agent. */
  remove(agentId: string, operationId: string, what: Removal): Promise<Dismantled>;
}

/** Makes and removes agents whole. Calls for one agent come one after another. */
export function makeAgents(tools: {
  homes: AgentHomes;
  index: EntryIndex;
  paths: WorkspacePaths;
  workspaces: Workspaces;
  clock: Clock;
}): MakeAgents {
  const { homes, index, paths, workspaces, clock } = tools;

  async function make(agent: HostCreate): Promise<AgentEntry> {
    const { agentId, operationId } = agent;
    const home = requireHome(homes, agentId);
    const made = readEntry(home, "agent");
    if (made?.made.operationId === operationId) return made;
    // Half made and nobody at it: calls take turns here, and the ledger's claim keeps other processes out.
    const halfMade = made ? undefined : readEntry(home, "pending");
    if (halfMade) await dismantle(home, "pending", halfMade, { workspace: true, sessions: true });
    const halfRemoved = made ? undefined : readEntry(home, "removed");
    if (halfRemoved) await dismantle(home, "removed", halfRemoved, { workspace: false, sessions: false });
    if (made || isForeign(home)) {
      throw new Problem("agent_exists", `An agent "${agentId}" exists; choose another name.`);
    }
    const find = () => paths.place(agentId, agent.workspace);
    find();
    const bindings = [...new Set(agent.bindings)];
    const release = await index.keep(agentId, bindings);
    try {
      const createdAt = new Date(clock.now()).toISOString();
      const entry = await workspaces.take(agentId, find, (found) =>
        beginAgent(home, homes.aside(agentId), { ...agent, bindings }, found, createdAt),
      );
      await buildAgent(home, entry, agent);
      index.note(entry);
      return entry;
    } catch (error) {
      // What cannot be undone now is still on record, and goes with the next `remove` or `make`.
      await undo(home, operationId).catch(() => undefined);
      throw error;
    } finally {
      release();
    }
  }

  /** An entry that stands, but was not told of, is a pending one: what an earlier agent left is not its to take. */
  async function undo(home: string, operationId: string): Promise<void> {
    if (readEntry(home, "agent")?.made.operationId === operationId) {
      renameSync(entryPath(home, "agent"), entryPath(home, "pending"));
    }
    const entry = readEntry(home, "pending");
    if (entry) await dismantle(home, "pending", entry, { workspace: true, sessions: true });
  }

  async function remove(agentId: string, operationId: string, what: Removal): Promise<Dismantled> {
    const nothing = { deleted: [], preserved: [] };
    const home = homes.of(agentId);
    if (!home) return nothing;
    for (const state of ["agent", "pending", "removed"] as const) {
      const entry = readEntry(home, state);
      if (!entry) continue;
      if (operationId !== "" && entry.made.operationId !== operationId) return nothing;
      return await dismantle(home, state, entry, what);
    }
    if (operationId !== "" || !isForeign(home)) return nothing;
    return await dismantle(home, "foreign", foreignEntry(agentId), what);
  }

  async function dismantle(home: string, state: EntryState | "foreign", entry: AgentEntry, what: Removal) {
    const workspace = what.workspace && paths.holds(entry.agentId, entry.workspace);
    const result = await dismantleAgent({
      home,
      aside: homes.aside(entry.agentId),
      state,
      entry,
      what: { ...what, workspace },
      removeWorkspace: () => workspaces.remove(entry),
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
