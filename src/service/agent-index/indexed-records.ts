import type { Log } from "../../ports.ts";
import type { AgentRecord } from "../../schema/agent.ts";
import type { Collection, RecordOf, Records } from "../../storage/keyspace.ts";
import type { AgentIndex } from "./agent-index.ts";
import { indexEntry } from "./index-entry.ts";

/**
 * Records that keep the index of agents. The record comes first: an index that could not be written is mended by
 * maintenance, and must not make a change fail that was made.
 */
export function withAgentIndex(records: Records, index: AgentIndex, log: Log): Records {
  async function note(agentId: string, record: AgentRecord | undefined): Promise<void> {
    try {
      await index.write(new Map([[agentId, record && indexEntry(record)]]));
    } catch (cause) {
      log("warn", "the index of agents could not be written; maintenance mends it", { agentId, cause });
    }
  }

  return {
    ...records,
    async set(collection, id, value) {
      await records.set(collection, id, value);
      if (collection === "agents") await note(id, value as RecordOf<"agents">);
    },
    async remove(collection, id) {
      await records.remove(collection, id);
      if (collection === "agents") await note(id, undefined);
    },
    async replace<C extends Collection>(
      collection: C,
      id: string,
      expected: (current: RecordOf<C> | undefined) => boolean,
      next: RecordOf<C> | undefined,
    ) {
      const replaced = await records.replace(collection, id, expected, next);
      if (replaced && collection === "agents") await note(id, next as RecordOf<"agents"> | undefined);
      return replaced;
    },
  };
}
