import type { Ledger } from "../../src/ports.ts";
import { AgentRecord } from "../../src/schema/agent.ts";
import type { Collection, RecordOf, Records } from "../../src/storage/keyspace.ts";
import { recentAgent } from "../../src/storage/ledger-names.ts";

/** Longer than KV may show what was before. */
const recentMs = 10 * 60_000;
const removed = "";

/**
 * Agents as they were written last. KV alone remembers for a minute that an agent was not there: it would be made,
 * and answer 404; and whoever settles an interrupted creation would take a whole agent for a half one. Other records
 * need none of this: what may not lag of them, the core itself keeps in the ledger.
 */
export function withRecentAgents(records: Records, ledger: Pick<Ledger, "get" | "put" | "replace">): Records {
  const recent = async (id: string) => await ledger.get(recentAgent(id));

  const parsed = <C extends Collection>(text: string): RecordOf<C> | undefined =>
    text === removed ? undefined : (AgentRecord.parse(JSON.parse(text)) as RecordOf<C>);
  const agentOf = async <C extends Collection>(collection: C, id: string, text: string | undefined) =>
    text === undefined ? await records.get(collection, id) : parsed<C>(text);

  return {
    ...records,
    async get(collection, id) {
      if (collection !== "agents") return await records.get(collection, id);
      const [text, stored] = await Promise.all([recent(id), records.get(collection, id)]);
      return text === undefined ? stored : parsed(text);
    },
    async set(collection, id, value) {
      if (collection === "agents") await ledger.put(recentAgent(id), JSON.stringify(value), recentMs);
      await records.set(collection, id, value);
    },
    async replace<C extends Collection>(
      collection: C,
      id: string,
      expected: (current: RecordOf<C> | undefined) => boolean,
      next: RecordOf<C> | undefined,
    ) {
      if (collection !== "agents") return await records.replace(collection, id, expected, next);
      const name = recentAgent(id);
      const text = next === undefined ? removed : JSON.stringify(next);
      let known: string | undefined;
      do {
        known = await recent(id);
        if (!expected(await agentOf(collection, id, known))) return false;
      } while (!(await ledger.replace(name, known, text, recentMs)));
      await (next === undefined ? records.remove(collection, id) : records.set(collection, id, next));
      return true;
    },
    async remove(collection, id) {
      if (collection === "agents") await ledger.put(recentAgent(id), removed, recentMs);
      await records.remove(collection, id);
    },
  };
}
