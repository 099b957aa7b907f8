import { setImmediate as nextTurn } from "node:timers/promises";
import { Problem } from "../../../src/errors.ts";
import { type AgentEntry, readEntry } from "./agent-entry.ts";
import type { AgentHomes } from "./agent-homes.ts";

export interface BindingIndex {
  /**
   * Keeps these bindings for the agent, all or none, until its entry is written.
   * @returns ends the keeping; what the entry then says is what holds
   * @throws Problem `binding_taken`
   */
  keep(agentId: string, bindings: readonly string[]): Promise<() => void>;
  /** The entry as it is now on disk. */
  note(entry: AgentEntry): void;
  drop(entry: AgentEntry): void;
}

const refreshMs = 1_000;
const chunk = 200;

/**
 * Who has which binding, from the entries of this host, read once. What another process changes in an entry is
 * seen late; processes are kept apart by the ledger's claims.
 */
export function createBindingIndex(homes: AgentHomes): BindingIndex {
  const owners = new Map<string, string>();
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
  }

  async function readUnknown(): Promise<void> {
    let read = 0;
    for (const agentId of homes.ids()) {
      if (known.has(agentId)) continue;
      const entry = entryOf(agentId);
      if (entry) note(entry);
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

  return {
    async keep(agentId, bindings) {
      if (bindings.length === 0) return () => undefined;
      await refresh();
      for (const binding of bindings) {
        const owner = ownerOf(binding);
        if (owner === undefined || owner === agentId) continue;
        throw new Problem(
          "binding_taken",
          `The binding "${binding}" belongs to the agent "${owner}"; nothing was changed.`,
        );
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
    },
  };
}
