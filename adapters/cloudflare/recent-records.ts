import type { Ledger, LedgerName } from "../../src/ports.ts";
import { type Collection, collections, type RecordOf, type Records } from "../../src/storage/keyspace.ts";
import { recentAgent, recentWebhook } from "../../src/storage/ledger-names.ts";

/** Longer than KV may show what was before. */
const recentMs = 10 * 60_000;
const removed = "";

const names: { [C in Collection]?: typeof recentAgent } = { agents: recentAgent, webhooks: recentWebhook };

/**
 * Agents and webhooks as they were written last. KV alone remembers for a minute that an agent was not there: it would
 * be made, and answer 404; and whoever recovers an interrupted creation would take a whole agent for a half one. A
 * webhook would get alerts for a minute after it was switched off. Other records need none of this: what may not lag of
 * them, the core itself keeps in the ledger.
 */
export function withRecentRecords(records: Records, ledger: Pick<Ledger, "get" | "put" | "replace">): Records {
  const parsed = <C extends Collection>(collection: C, text: string): RecordOf<C> | undefined =>
    text === removed ? undefined : (collections[collection].parse(JSON.parse(text)) as RecordOf<C>);
  const recordOf = async <C extends Collection>(collection: C, id: string, text: string | undefined) =>
    text === undefined ? await records.get(collection, id) : parsed(collection, text);

  /**
   * KV follows the ledger. A write that comes late, from an isolate that slept, would stand there once the ledger has
   * forgotten the newer one: whoever has written looks whether he was the last, and puts right what he was not. Only
   * then may the ledger forget: KV still has what was before, where a writer came no further.
   */
  async function bringTo<C extends Collection>(collection: C, id: string, name: LedgerName, text: string) {
    for (let said = text; ; ) {
      const record = parsed(collection, said);
      await (record === undefined ? records.remove(collection, id) : records.set(collection, id, record));
      if (await ledger.replace(name, said, said, recentMs)) return;
      const now = await ledger.get(name);
      if (now === undefined) return;
      said = now;
    }
  }

  return {
    ...records,
    async get(collection, id) {
      const name = names[collection]?.(id);
      if (name === undefined) return await records.get(collection, id);
      const [text, stored] = await Promise.all([ledger.get(name), records.get(collection, id)]);
      // No recovery comes for a webhook whose removal got no further than the ledger; reading goes on where KV does not.
      if (collection === "webhooks" && text === removed && stored !== undefined) {
        await bringTo(collection, id, name, removed).catch(() => undefined);
      }
      return text === undefined ? stored : parsed(collection, text);
    },
    async set(collection, id, value) {
      const name = names[collection]?.(id);
      if (name === undefined) return await records.set(collection, id, value);
      const text = JSON.stringify(value);
      await ledger.put(name, text);
      await bringTo(collection, id, name, text);
    },
    async replace<C extends Collection>(
      collection: C,
      id: string,
      expected: (current: RecordOf<C> | undefined) => boolean,
      next: RecordOf<C> | undefined,
    ) {
      const name = names[collection]?.(id);
      if (name === undefined) return await records.replace(collection, id, expected, next);
      const text = next === undefined ? removed : JSON.stringify(next);
      let known: string | undefined;
      do {
        known = await ledger.get(name);
        if (!expected(await recordOf(collection, id, known))) {
          // A removal may have come no further than the ledger.
          if (text === removed && known === removed) await bringTo(collection, id, name, removed);
          return false;
        }
      } while (!(await ledger.replace(name, known, text)));
      await bringTo(collection, id, name, text);
      return true;
    },
    async remove(collection, id) {
      const name = names[collection]?.(id);
      if (name === undefined) return await records.remove(collection, id);
      await ledger.put(name, removed);
      await bringTo(collection, id, name, removed);
    },
  };
}
