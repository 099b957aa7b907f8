type SqlValue = string | number | null;

/** A statement of SQLite; rows are arrays of their columns. */
export interface SqlStatement {
  /** `changes` is 0 where no row was changed. */
  run(...values: SqlValue[]): { changes: number | bigint };
  get<Row extends readonly unknown[]>(...values: SqlValue[]): Row | undefined;
  all<Row extends readonly unknown[]>(...values: SqlValue[]): Row[];
  /** Row by row, for what need not be read to its end. */
  iterate<Row extends readonly unknown[]>(...values: SqlValue[]): Iterable<Row>;
}

/** The part of a SQLite database that the ledger needs. Every call runs to its end without yielding. */
export interface SqlDriver {
  prepare(query: string): SqlStatement;
}

/** The range of the texts that begin with `prefix`: names are ASCII, so nothing stands between its ends but they. */
export const within = (prefix: string): [from: string, before: string] => [
  prefix,
  prefix === "" ? "\u{7f}" : prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1),
];
