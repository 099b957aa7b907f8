/**
 * Ledger names are spelled by `storage/ledger-names.ts` alone and read `<shard>/<rest>`. One call touches
 * one shard, so that an implementation may keep each shard in an object of its own.
 */
export type LedgerName = `${string}/${string}`;
