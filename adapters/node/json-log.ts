import type { Log, LogLevel } from "../../src/ports.ts";
import { isLogged, logLine } from "../log-line.ts";

/**
 * One JSON object a line, to stdout.
 *
 * @param level asked at each line: it may change while the server runs
 * @param always fields of each line
 */
export function createJsonLog(
  level: LogLevel | (() => LogLevel),
  write: (line: string) => void = (line) => process.stdout.write(line),
  always: Record<string, unknown> = {},
): Log {
  return (at, message, fields = {}) => {
    if (!isLogged(at, typeof level === "string" ? level : level())) return;
    write(`${logLine(at, message, fields, always)}\n`);
  };
}
