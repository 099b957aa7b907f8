import type { Ledger, Records } from "../../src/ports.ts";
import { AgentRecord } from "../../src/schema/agent.ts";
import type { RecordOf } from "../../src/storage/keyspace.ts";
import { recentAgent } from "../../src/storage/ledger-names.ts";

/** Longer than KV may show what was before. */
const recentMs = 10 * 60_000;
const removed = "";

/**
 * Agents as they were written last. KV alone remembers for a minute that an agent was not there: it would be made,
 * and answer 404; and whoever settles an interrupted creation would take a whole agent for a half one. Other records
 * need none of this: what may not lag of them, the core itself keeps in the ledger.
 */
export function withRecentAgents(records: Records, ledger: Pick<Ledger, "get" | "put">): Records {
  const recent = async (id: string) => await ledger.get(recentAgent(id));

  return {
    ...records,
    async get(collection, id) {
      if (collection !== "agents") return await records.get(collection, id);
      const [text, stored] = await Promise.all([recent(id), records.get(collection, id)]);
      if (text === undefined) return stored;
      if (text === removed) return undefined;
      return AgentRecord.parse(JSON.parse(text)) as RecordOf<typeof collection>;
    },
    async set(collection, id, value) {
      if (collection === "agents") await ledger.put(recentAgent(id), JSON.stringify(value), recentMs);
      await records.set(collection, id, value);
    },
    async remove(collection, id) {
      if (collection === "agents") await ledger.put(recentAgent(id), removed, recentMs);
      await records.remove(collection, id);
    },
  };
}
