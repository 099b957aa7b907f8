/** `WITHOUT ROWID`: an index of its own would count, and cost, as a second written row. */
const tables = `
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
const tableNames = ["buckets", "hits", "counters", "reservations", "usage", "texts", "claims"] as const;

/** One object's database, and the few ways in which it is asked. */
export interface ShardSql {
  run(query: string, ...values: SqlStorageValue[]): void;
  rows<T extends object>(query: string, ...values: SqlStorageValue[]): T[];
  first<T extends object>(query: string, ...values: SqlStorageValue[]): T | undefined;
  /** Row by row, for what need not be read to its end. */
  each<T extends object>(query: string, ...values: SqlStorageValue[]): Iterable<T>;
  /** Whether there was nothing before. */
  prepare(): boolean;
  isEmpty(): boolean;
}

export function openShardSql(sql: SqlStorage): ShardSql {
  const each = <T extends object>(query: string, ...values: SqlStorageValue[]) =>
    sql.exec(query, ...values) as unknown as Iterable<T>;
  const rows = <T extends object>(query: string, ...values: SqlStorageValue[]): T[] => [...each<T>(query, ...values)];
  const first = <T extends object>(query: string, ...values: SqlStorageValue[]): T | undefined =>
    rows<T>(query, ...values)[0];

  return {
    run: (query, ...values) => void sql.exec(query, ...values),
    rows,
    first,
    each,
    prepare() {
      const isNew = first("SELECT 1 FROM sqlite_master WHERE name = 'claims'") === undefined;
      if (isNew) sql.exec(tables);
      return isNew;
    },
    isEmpty: () => tableNames.every((table) => first(`SELECT 1 FROM ${table} LIMIT 1`) === undefined),
  };
}
