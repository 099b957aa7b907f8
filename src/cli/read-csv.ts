/** A row whose quotes are resolved; a cell may have line breaks in it. */
export interface CsvRow {
  /** The line on which it begins, from 1. */
  line: number;
  cells: string[];
}

/** RFC 4180, with either line end; blank lines are left out. `undefined` where a quote does not end. */
export function readCsv(content: string): CsvRow[] | undefined {
  const rows: CsvRow[] = [];
  let line = 1;
  let row: CsvRow = { line, cells: [] };
  const end = () => {
    if (row.cells.length > 1 || row.cells[0] !== "") rows.push(row);
    row = { line, cells: [] };
  };
  const token = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y;
  while (token.lastIndex <= content.length) {
    const found = token.exec(content);
    if (!found) return undefined;
    const [whole, quoted, plain, separator] = found;
    row.cells.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"'));
    line += whole.split("\n").length - 1;
    if (separator === ",") continue;
    end();
    if (separator === "") break;
  }
  return rows;
}
