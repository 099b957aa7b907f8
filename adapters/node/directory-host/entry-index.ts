import { setImmediate as nextTurn } from "node:timers/promises";
import { bindingTaken } from "../../../src/domain/taken.ts";
import { type AgentEntry, readEntry } from "./agent-entry.ts";
import { type AgentHomes, isForeign } from "./agent-homes.ts";
import { createHeldPaths, overlap } from "./overlap.ts";

/** The entries of all agents, and which of them has which binding. */
export interface EntryIndex {
  /**
   * Keeps these bindings for the agent, all or none, until its entry is written.
   * @returns ends the keeping; what the entry then says is what holds
   * @throws Problem `binding_taken`
   */
  keep(agentId: string, bindings: readonly string[]): Promise<() => void>;
  /** Whether another agent's workspace is this path, lies in it or around it, as far as is known here. */
  overlapsOthers(agentId: string, path: string): Promise<boolean>;
  /** The entry as it is now on disk. */
  note(entry: AgentEntry): void;
  drop(entry: AgentEntry): void;
}

const refreshMs = 1_000;
const chunk = 200;

/**
 * The owner of each binding and each workspace, from the entries of this host, read once. A change that another
 * process makes in an entry is seen late; processes are kept apart by the ledger's claims.
 */
export function createEntryIndex(homes: AgentHomes, defaultWorkspace: (agentId: string) => string): EntryIndex {
  const owners = new Map<string, string>();
  const workspaces = createHeldPaths();
  const kept = new Map<string, string>();
  const known = new Set<string>();
  let refreshedAt = Number.NEGATIVE_INFINITY;
  let refreshing: Promise<void> | undefined;

  const entryOf = (agentId: string): AgentEntry | undefined => {
    try {
      return readEntry(homes.of(agentId)!, "agent");
    } catch {
      // An entry that does not parse is reported where it is used; it must not stop every other agent.
      return undefined;
    }
  };

  function note(entry: AgentEntry): void {
    known.add(entry.agentId);
    for (const binding of entry.bindings) owners.set(binding, entry.agentId);
    if (entry.workspace !== "") workspaces.add(entry.workspace, entry.agentId);
  }

  async function readUnknown(): Promise<void> {
    let read = 0;
    for (const agentId of homes.ids()) {
      if (known.has(agentId)) continue;
      const entry = entryOf(agentId);
      if (entry) note(entry);
      else workspaces.add(defaultWorkspace(agentId), agentId);
      // Thousands of files at the first call must not hold up other requests.
      if (++read % chunk === 0) await nextTurn();
    }
    refreshedAt = performance.now();
  }

  async function refresh(): Promise<void> {
    if (performance.now() - refreshedAt < refreshMs) return;
    refreshing ??= readUnknown().finally(() => {
      refreshing = undefined;
    });
    await refreshing;
  }

  /** An index entry is a hint: the owner's own file decides. */
  function ownerOf(binding: string): string | undefined {
    const keeper = kept.get(binding);
    if (keeper !== undefined) return keeper;
    const owner = owners.get(binding);
    return owner !== undefined && entryOf(owner)?.bindings.includes(binding) ? owner : undefined;
  }

  /** As `ownerOf`: of an agent that others made, the default is all that is known. */
  function workspaceOf(agentId: string): string | undefined {
    const home = homes.of(agentId)!;
    return entryOf(agentId)?.workspace ?? (isForeign(home) ? defaultWorkspace(agentId) : undefined);
  }

  return {
    async overlapsOthers(agentId, path) {
      await refresh();
      return workspaces.overlapping(path).some((holder) => {
        const held = holder === agentId ? undefined : workspaceOf(holder);
        return held !== undefined && overlap(held, path);
      });
    },
    async keep(agentId, bindings) {
      if (bindings.length === 0) return () => undefined;
      await refresh();
      for (const binding of bindings) {
        const owner = ownerOf(binding);
        if (owner === undefined || owner === agentId) continue;
        throw bindingTaken(binding);
      }
      for (const binding of bindings) kept.set(binding, agentId);
      return () => {
        for (const binding of bindings) kept.delete(binding);
      };
    },
    note,
    drop(entry) {
      known.delete(entry.agentId);
      for (const binding of entry.bindings) if (owners.get(binding) === entry.agentId) owners.delete(binding);
      if (entry.workspace !== "") workspaces.drop(entry.workspace, entry.agentId);
    },
  };
}
