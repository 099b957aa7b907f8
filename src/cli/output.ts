import { shownJson } from "../domain/hidden-characters.ts";
import type { CliEnvironment } from "./environment.ts";
import { formatDetails, formatTable, printable } from "./table.ts";

export type Output = ReturnType<typeof createOutput>;
type Entries = Parameters<typeof formatDetails>[0];

const good = new Set(["active", "ready", "ok", "success", "fixed", "verified"]);
const bad = new Set(["revoked", "failed", "failure", "denied", "missing", "unreachable", "expired"]);

/** A command's output: one JSON document, or text for a person. */
export function createOutput(cli: Pick<CliEnvironment, "write" | "writeError" | "isTerminal" | "env">) {
  const colour = cli.isTerminal && !cli.env("NO_COLOR");
  const sgr = (code: number) => (text: string) => (colour && text !== "" ? `\u001b[${code}m${text}\u001b[0m` : text);
  const bold = sgr(1);
  const dim = sgr(2);
  const status = (text: string) => (good.has(text) ? sgr(32)(text) : bad.has(text) ? sgr(31)(text) : sgr(33)(text));
  return {
    json: (value: unknown) => cli.write(`${shownJson(JSON.stringify(value, null, 2))}\n`),
    line: (text = "") => cli.write(`${printable(text)}\n`),
    /** Text for a program that reads it. */
    raw: (text: string) => cli.write(text),
    title: (text: string) => cli.write(`${bold(printable(text))}\n`),
    /** Beside the answer: stdout stays what it is. */
    notice: (text: string) => cli.writeError(`${printable(text)}\n`),
    details: (entries: Entries) => cli.write(formatDetails(entries, dim)),
    table: (header: readonly string[], rows: readonly (readonly string[])[]) =>
      cli.write(
        formatTable(header, rows, {
          header: bold,
          cell: (text, column) => (column === "STATUS" || column === "OUTCOME" ? status(text) : text),
        }),
      ),
  };
}

/** ISO in UTC, to the second. */
export const shortTime = (time: string | undefined) => time?.replace(/\.\d+Z$/, "Z");
/** `tenant=acme plan=pro`; `undefined` without labels, so that no line is printed. */
export const describeLabels = (labels: Readonly<Record<string, string>> | undefined): string | undefined =>
  labels &&
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
/** With commas at thousands, whatever the locale of the machine. */
export const grouped = (count: number) => count.toLocaleString("en-US");
