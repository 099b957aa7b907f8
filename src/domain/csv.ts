/** A text that a spreadsheet would compute gets an apostrophe: names are for others to choose. */
function cell(value: string | number | undefined): string {
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value ?? "") ? `'${value}` : (value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** RFC 4180, with a line that names the columns. */
export function toCsv<Column extends string>(
  columns: readonly Column[],
  rows: readonly { readonly [name in Column]?: string | number | undefined }[],
): string {
  const lines = [columns.join(","), ...rows.map((row) => columns.map((name) => cell(row[name])).join(","))];
  return lines.map((line) => `${line}\r\n`).join("");
}
