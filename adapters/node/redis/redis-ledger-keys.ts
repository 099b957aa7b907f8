import type { LedgerName } from "../../../src/ports.ts";

/**
 * A shard lives in one of sixteen partitions, and a partition's keys carry one hash tag: what one script touches is
 * in one slot of a cluster, and what has to be listed over all shards (open reservations, claims) is sixteen reads.
 * A name decides its keys for good: neither number nor hash may ever change.
 *
 * | key, after `<prefix>:ledger:{<partition>}:` | holds                                                          |
 * |---------------------------------------------|----------------------------------------------------------------|
 * | `counters:<shard>`                          | hash: `<counter> <period> used|reserved|quota`                  |
 * | `reservations:<shard>`                      | hash by id: a line an entry, `<counter> <period> <amount>`     |
 * | `open`                                      | sorted set: ids of unsettled reservations by creation          |
 * | `usage:<shard>`                             | hash: `<name> <day> requests|input|output|tokens|estimated <model>` |
 * | `estimates:<shard>`, `estimated:<shard>`    | hash: `<name> <minute> <day> <counter> <periods> <model>`;     |
 * |                                             | sorted set of its fields by their minute                       |
 * | `all:<day>`                                 | hash: everybody's, `requests|input|output|... <model>`         |
 * | `names`                                     | set of the names that have usage, which is in `all:<day>` too  |
 * | `near`, `ranks`                             | sorted sets of `<counter> <period>`: by the share of the limit |
 * |                                             | that is used, from a half on; by a month's use                 |
 * | `texts:<shard>`, `expiry:<shard>`           | hash of texts; sorted set of those that end, by their end      |
 * | `bucket:<bucket>`, `hits:<bucket>`          | hash: cost, busy, calls, last; sorted set of hits by their end |
 * | `passed`                                    | hash: `<counter> <period> <percent> <limit>` of a threshold that was passed and is |
 * |                                             | not in the outbox yet, with the time and what was used         |
 * | `claims`, `ending`                          | hash by name, in JSON; set of the names that have a TTL        |
 */
const partitions = 16;

/** FNV-1a */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Every key of the ledger under this prefix, by the name that it holds or by its partition. */
export function ledgerKeys(prefix: string) {
  const base = (partition: number) => `${prefix}:ledger:{${prefix}-${partition.toString(16)}}`;
  const bases = Array.from({ length: partitions }, (_, partition) => base(partition));
  const shardOf = (name: string) => name.slice(0, name.indexOf("/"));
  const baseOf = (name: LedgerName) => bases[hashOf(shardOf(name)) % partitions]!;
  const ofShard = (kind: string) => (name: LedgerName) => `${baseOf(name)}:${kind}:${shardOf(name)}`;
  return {
    counters: ofShard("counters"),
    reservations: ofShard("reservations"),
    usage: ofShard("usage"),
    estimates: ofShard("estimates"),
    estimated: ofShard("estimated"),
    texts: ofShard("texts"),
    expiry: ofShard("expiry"),
    open: (name: LedgerName) => `${baseOf(name)}:open`,
    passed: (name: LedgerName) => `${baseOf(name)}:passed`,
    claims: (name: LedgerName) => `${baseOf(name)}:claims`,
    ending: (name: LedgerName) => `${baseOf(name)}:ending`,
    near: (name: LedgerName) => `${baseOf(name)}:near`,
    ranks: (name: LedgerName) => `${baseOf(name)}:ranks`,
    names: (name: LedgerName) => `${baseOf(name)}:names`,
    /** A day behind it is the key of all usage on that day. */
    all: (name: LedgerName) => `${baseOf(name)}:all:`,
    bucket: (name: LedgerName) => `${baseOf(name)}:bucket:${name}`,
    hits: (name: LedgerName) => `${baseOf(name)}:hits:${name}`,
    partitions: bases.map((at) => ({
      passed: `${at}:passed`,
      open: `${at}:open`,
      claims: `${at}:claims`,
      ending: `${at}:ending`,
      near: `${at}:near`,
      ranks: `${at}:ranks`,
      names: `${at}:names`,
      all: `${at}:all:`,
    })),
    check: `${base(0)}:check`,
    /** There once all usage of release 1.0.0 is among the sums. */
    adopted: `${base(0)}:adopted`,
    /** The pattern of all keys of usage, each of which ends with its shard. */
    usages: `${prefix}:ledger:{${prefix}-*}:usage:*`,
  };
}
