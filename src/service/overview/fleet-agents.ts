import { labelMatcher } from "../../domain/labels.ts";
import type { IndexEntry } from "../agent-index/index-entry.ts";
import { requireIndex } from "../agent-index/reconcile-index.ts";
import type { Context } from "../context.ts";
import type { Reaching } from "../state/find-agent.ts";

/** More than any deployment has. */
export const mostKeys = 1_000_000;

export interface FleetAgent {
  agentId: string;
  /** Absent: the agent was deleted. */
  entry?: IndexEntry | undefined;
  /** That of the key, where it is one that the agent had before. */
  provider?: string | undefined;
}

export interface FleetAgents {
  /** That the caller may see, and that have the labels. */
  entries: readonly IndexEntry[];
  /** Whether these are all that there are. */
  isAll: boolean;
  /** The agent of this AI key; `undefined` where that is none of these agents'. */
  ofKey(keyId: string): Promise<FleetAgent | undefined>;
}

interface Places {
  byKey: ReadonlyMap<string, IndexEntry>;
  byId: ReadonlyMap<string, IndexEntry>;
}

const placed = (entries: readonly IndexEntry[]): Places => ({
  byKey: new Map(entries.flatMap((entry) => (entry.aiKeyId === undefined ? [] : [[entry.aiKeyId, entry]]))),
  byId: new Map(entries.map((entry) => [entry.agentId, entry])),
});

/** The index gives the same list while no agent has changed. */
const known = new WeakMap<readonly IndexEntry[], Places>();
function placesOf(all: readonly IndexEntry[]): Places {
  const places = known.get(all) ?? placed(all);
  known.set(all, places);
  return places;
}

/** @throws Problem `not_ready` while the index is being built */
export async function fleetAgents(
  context: Context,
  caller: Reaching,
  labels: readonly string[] | undefined,
): Promise<FleetAgents> {
  await requireIndex(context);
  const maker = caller.reach === "own" ? caller.actor : undefined;
  const isAll = maker === undefined && labels === undefined;
  const all = await context.agentIndex.entries();
  const hasLabels = labelMatcher(labels ?? []);
  const isSought = (entry: IndexEntry): boolean =>
    (maker === undefined || entry.createdBy === maker) && hasLabels(entry.labels);
  const { byKey, byId } = placesOf(all);
  return {
    entries: isAll ? all : all.filter(isSought),
    isAll,
    async ofKey(keyId) {
      const entry = byKey.get(keyId);
      if (entry) return isSought(entry) ? { agentId: entry.agentId, entry } : undefined;
      // The key's agent has another key now, or was deleted.
      const record = await context.records.get("ai-keys", keyId);
      if (!record) return undefined;
      const { agentId, provider } = record;
      const now = byId.get(agentId);
      return isAll || (now && isSought(now)) ? { agentId, entry: now, provider } : undefined;
    },
  };
}

/** The keys that the agent has and had. */
export const aiKeysOf = ({ aiKeyId, formerAiKeyIds = [] }: IndexEntry): string[] =>
  aiKeyId === undefined ? formerAiKeyIds : [aiKeyId, ...formerAiKeyIds];
