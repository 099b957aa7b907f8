import type { LedgerName } from "./ledger-name.ts";

/** Exact short texts, seen by every process at its next read. */
export interface StateTexts {
  get(name: LedgerName): Promise<string | undefined>;
  /** Texts of one shard, in the order of their names. Absent where they cost no more one by one. */
  getMany?(names: readonly LedgerName[]): Promise<(string | undefined)[]>;
  /** With a `ttlMs` the text is gone after it. */
  put(name: LedgerName, text: string | undefined, ttlMs?: number): Promise<void>;
  /**
   * Puts, or with `undefined` removes, where the text that is there is `expected` still (`undefined`: none), or is
   * `text` already. Resolves to whether it is there now.
   */
  replace(name: LedgerName, expected: string | undefined, text: string | undefined, ttlMs?: number): Promise<boolean>;
}
