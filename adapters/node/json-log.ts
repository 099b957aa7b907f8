import { shownJson } from "../../src/domain/hidden-characters.ts";
import { redact } from "../../src/domain/redact.ts";
import { scrubKeys } from "../../src/domain/scrub-keys.ts";
import type { Log, LogLevel } from "../../src/ports.ts";

const order: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** JSON has none, and a log line must not be lost for one. */
const withoutBigInt = (_: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value);

/**
 * One JSON object a line, to stdout; secrets are cut out whatever brought them in.
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
    if (order[at] < order[typeof level === "string" ? level : level()]) return;
    const own = { time: new Date().toISOString(), level: at, message: scrubKeys(message), ...always };
    write(`${shownJson(JSON.stringify({ ...own, ...redact(fields), ...own }, withoutBigInt))}\n`);
  };
}
