/** `WITHOUT ROWID`: an index of its own would count, and cost, as a second written row. */
const version1 = `
  CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, taken INTEGER NOT NULL, window INTEGER NOT NULL,
    count INTEGER NOT NULL, last INTEGER) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS hits (bucket TEXT NOT NULL, at INTEGER NOT NULL, cost INTEGER NOT NULL,
    PRIMARY KEY (bucket, at)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS counters (name TEXT NOT NULL, period TEXT NOT NULL, used INTEGER NOT NULL DEFAULT 0,
    reserved INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (name, period)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS reservations (id TEXT PRIMARY KEY, at INTEGER NOT NULL, entries TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS usage (name TEXT NOT NULL, day TEXT NOT NULL, model TEXT NOT NULL,
    requests INTEGER NOT NULL, inputTokens INTEGER NOT NULL, outputTokens INTEGER NOT NULL, tokens INTEGER NOT NULL,
    PRIMARY KEY (name, day, model)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS texts (name TEXT PRIMARY KEY, text TEXT NOT NULL, expires INTEGER) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS claims (name TEXT PRIMARY KEY, owner TEXT NOT NULL, note TEXT, expires INTEGER) WITHOUT ROWID;
`;
const version2 = `
  CREATE TABLE schema_version (version INTEGER PRIMARY KEY) WITHOUT ROWID;
  ALTER TABLE usage ADD COLUMN estimatedTokens INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE estimates (name TEXT NOT NULL, minute INTEGER NOT NULL, day TEXT NOT NULL, model TEXT NOT NULL,
    counter TEXT NOT NULL, periods TEXT NOT NULL, tokens INTEGER NOT NULL,
    PRIMARY KEY (name, minute, day, model, counter, periods)) WITHOUT ROWID;
`;
/**
 * Each leads from one version of the schema to the next, and the first from nothing. A text that was released never
 * changes: a change of the schema is another text at the end. An object's SQL has no `user_version`.
 */
const migrations = [version1, version2];
const tableNames = ["buckets", "hits", "counters", "reservations", "usage", "texts", "claims", "estimates"] as const;

/** One object's database, and the few ways in which it is asked. */
export interface ShardSql {
  run(query: string, ...values: SqlStorageValue[]): void;
  rows<T extends object>(query: string, ...values: SqlStorageValue[]): T[];
  first<T extends object>(query: string, ...values: SqlStorageValue[]): T | undefined;
  /** Row by row, for what need not be read to its end. */
  each<T extends object>(query: string, ...values: SqlStorageValue[]): Iterable<T>;
  /**
   * Makes the tables, or brings those of an older release up to date. Not inside a transaction: its failure would take
   * them back.
   * @returns whether there was nothing before
   */
  prepare(): boolean;
  isEmpty(): boolean;
}

export function openShardSql(storage: DurableObjectStorage): ShardSql {
  const { sql } = storage;
  const each = <T extends object>(query: string, ...values: SqlStorageValue[]) =>
    sql.exec(query, ...values) as unknown as Iterable<T>;
  const rows = <T extends object>(query: string, ...values: SqlStorageValue[]): T[] => [...each<T>(query, ...values)];
  const first = <T extends object>(query: string, ...values: SqlStorageValue[]): T | undefined =>
    rows<T>(query, ...values)[0];

  /** 0 where there are no tables. */
  function versionFound(): number {
    const found = rows<{ name: string }>("SELECT name FROM sqlite_master WHERE name IN ('claims', 'schema_version')");
    if (found.length < 2) return found.length;
    return first<{ version: number }>("SELECT version FROM schema_version")!.version;
  }

  return {
    run: (query, ...values) => void sql.exec(query, ...values),
    rows,
    first,
    each,
    prepare() {
      const version = versionFound();
      if (version > migrations.length) {
        throw new Error(
          `this object was written by a newer release (version ${version}, this release reads up to ` +
            `${migrations.length}): deploy that release; nothing was changed`,
        );
      }
      if (version < migrations.length) {
        storage.transactionSync(() => {
          sql.exec(migrations.slice(version).join(""));
          sql.exec("DELETE FROM schema_version");
          sql.exec("INSERT INTO schema_version (version) VALUES (?)", migrations.length);
        });
      }
      return version === 0;
    },
    isEmpty: () => tableNames.every((table) => first(`SELECT 1 FROM ${table} LIMIT 1`) === undefined),
  };
}
