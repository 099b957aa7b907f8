/** A row whose quotes are resolved; a cell may have line breaks in it. */
export interface CsvRow {
  /** The line on which it begins, from 1. */
  line: number;
  cells: string[];
}

const plainCell = /[^",\r\n]*/y;
const separator = /,|\r\n?|\n|$/y;

/** The end of the quoted cell that begins at `from`; -1 where it has none. A pattern would run out of stack on it. */
function closingQuote(content: string, from: number): number {
  for (let at = from + 1; ; at += 2) {
    at = content.indexOf('"', at);
    if (at === -1 || content[at + 1] !== '"') return at;
  }
}

function matchAt(pattern: RegExp, content: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(content)?.[0];
}

/** RFC 4180, with any line end; blank lines are left out. The number of a line where one has a quote that does not end. */
export function readCsv(content: string): CsvRow[] | number {
  const rows: CsvRow[] = [];
  let line = 1;
  let row: CsvRow = { line, cells: [] };
  for (let at = 0; ; ) {
    const closing = content[at] === '"' ? closingQuote(content, at) : undefined;
    if (closing === -1) return line;
    const cell = closing === undefined ? matchAt(plainCell, content, at)! : content.slice(at, closing + 1);
    const end = matchAt(separator, content, at + cell.length);
    if (end === undefined) return line;
    row.cells.push(closing === undefined ? cell : cell.slice(1, -1).replaceAll('""', '"'));
    line += (cell + end).split(/\r\n?|\n/).length - 1;
    at += cell.length + end.length;
    if (end === ",") continue;
    if (row.cells.length > 1 || row.cells[0] !== "") rows.push(row);
    if (end === "") return rows;
    row = { line, cells: [] };
  }
}
