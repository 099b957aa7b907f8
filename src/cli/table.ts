import { escapeHidden } from "../domain/hidden-characters.ts";

/** Terminals act on control characters, and names are other people's text. */
export const printable = escapeHidden;

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
/** Marks and forms that the scripts have in common are as wide as their letters, and half-width letters are not. */
const wide =
  /^(?![\uff61-\uffdc])[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303e\u30a0\u30fb\u30fc\u3200-\u33ff\uff01-\uff60\uffe0-\uffe6]|\ufe0f/u;

/** Columns that a terminal gives to the text. */
function displayWidth(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += wide.test(segment) ? 2 : 1;
  return width;
}

type Paint = (text: string) => string;
const plain: Paint = (text) => text;

/**
 * Aligned columns, two spaces apart, a line each, without trailing spaces. A column that is empty in every row is
 * left out.
 */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  paint: { header?: Paint; cell?: (text: string, column: string) => string } = {},
): string {
  const clean = rows.map((row) => row.map(printable));
  const shown = header.map((_, column) => column).filter((column) => clean.some((row) => (row[column] ?? "") !== ""));
  const widths = shown.map((column) =>
    Math.max(displayWidth(header[column] ?? ""), ...clean.map((row) => displayWidth(row[column] ?? ""))),
  );
  const line = (cells: readonly string[], dress: (text: string, column: string) => string) =>
    shown
      .map((column, index) => {
        const text = cells[column] ?? "";
        const gap = index === shown.length - 1 ? 0 : widths[index]! + 2 - displayWidth(text);
        return dress(text, header[column] ?? "") + " ".repeat(gap);
      })
      .join("")
      .trimEnd();
  const cell = paint.cell ?? plain;
  return [line(header, paint.header ?? plain), ...clean.map((row) => line(row, cell))]
    .map((text) => `${text}\n`)
    .join("");
}

/** `name  value` lines, values aligned; those without a value are left out. */
export function formatDetails(
  entries: readonly (readonly [name: string, value: string | undefined])[],
  name: Paint = plain,
): string {
  const shown = entries.filter(
    (entry): entry is readonly [string, string] => entry[1] !== undefined && entry[1] !== "",
  );
  const width = Math.max(0, ...shown.map(([label]) => displayWidth(label)));
  return shown
    .map(([label, value]) => `${name(label)}${" ".repeat(width + 2 - displayWidth(label))}${printable(value)}\n`)
    .join("");
}
