/**
 * An object cannot be found by what it holds. One that holds something unfinished (a claim that ran out, a
 * reservation that nobody settled) therefore leaves a note in KV, where the cron finds it. The note is a hint that
 * may be late; what the object itself answers is exact.
 */
const prefix = "leftover:";

/** The object writes and removes its own note, so that the two cannot overtake each other. */
export const leftoverNote = (kv: KVNamespace, objectId: string) => ({
  leave: () => kv.put(`${prefix}${objectId}`, "1"),
  remove: () => kv.delete(`${prefix}${objectId}`),
});

/** Ids of the objects that left a note; the rest comes with the next run. */
export async function objectsWithLeftovers(kv: KVNamespace, limit: number): Promise<string[]> {
  const { keys } = await kv.list({ prefix, limit });
  return keys.map(({ name }) => name.slice(prefix.length));
}
