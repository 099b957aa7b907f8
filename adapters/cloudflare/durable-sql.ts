import { ledgerMigrations, ledgerTables } from "../sql/ledger-schema.ts";
import type { SqlDriver } from "../sql/sql-driver.ts";
import { fromDurable1, fromDurable2 } from "./durable-schema.ts";

/** The SQL storage of one Durable Object, as the shared statements use it. */
export interface DurableSql extends SqlDriver {
  /**
   * Makes the tables, or brings those of an older release up to date. Not inside a transaction: its failure would take
   * them back.
   * @returns whether there was nothing before
   */
  migrate(): boolean;
  isEmpty(): boolean;
}

/** The SQLite of one Durable Object. */
export function openDurableSql(storage: DurableObjectStorage): DurableSql {
  const { sql } = storage;
  const rows = <Row extends readonly unknown[]>(query: string, ...values: SqlStorageValue[]) =>
    sql.exec(query, ...values).raw() as unknown as IterableIterator<Row>;

  /** 0 where there are no tables. */
  function versionFound(): number {
    const found = [...rows("SELECT name FROM sqlite_master WHERE name IN ('claims', 'schema_version')")];
    if (found.length < 2) return found.length;
    return [...rows<[number]>("SELECT version FROM schema_version")][0]![0];
  }

  function stepsFrom(version: number): string[] {
    const current = "CREATE TABLE schema_version (version INTEGER PRIMARY KEY) WITHOUT ROWID;";
    if (version === 0) return [current, ...ledgerMigrations];
    if (version === 1) return [fromDurable1, ...stepsFrom(2)];
    return [...(version === 2 ? [fromDurable2] : []), ...ledgerMigrations.slice(version)];
  }

  return {
    prepare: (query) => ({
      // It is asked only whether there were any: what an index needs counts as well.
      run: (...values) => ({ changes: sql.exec(query, ...values).rowsWritten }),
      get: <Row extends readonly unknown[]>(...values: SqlStorageValue[]) => [...rows<Row>(query, ...values)][0],
      all: <Row extends readonly unknown[]>(...values: SqlStorageValue[]) => [...rows<Row>(query, ...values)],
      iterate: <Row extends readonly unknown[]>(...values: SqlStorageValue[]) => rows<Row>(query, ...values),
    }),

    migrate() {
      const version = versionFound();
      const newest = ledgerMigrations.length;
      if (version > newest) {
        throw new Error(
          `this object was written by a newer release (version ${version}, this release reads up to ${newest}): ` +
            "deploy that release; nothing was changed",
        );
      }
      if (version < newest) {
        storage.transactionSync(() => {
          sql.exec(stepsFrom(version).join("\n"));
          // Nobody knew yet of sums over all objects.
          if (version > 0 && version < 5) sql.exec("INSERT INTO reports SELECT DISTINCT day, '' FROM usage");
          sql.exec("DELETE FROM schema_version");
          sql.exec("INSERT INTO schema_version (version) VALUES (?)", newest);
        });
      }
      return version === 0;
    },

    isEmpty: () => ledgerTables.every((table) => rows(`SELECT 1 FROM ${table} LIMIT 1`).next().done === true),
  };
}
