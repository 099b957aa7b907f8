import { redact } from "../../src/domain/redact.ts";
import type { Log, LogLevel } from "../../src/ports.ts";

const order: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** One JSON object a line, to stdout; secrets are cut out whatever brought them in. */
export function createJsonLog(
  level: LogLevel,
  write: (line: string) => void = (line) => process.stdout.write(line),
): Log {
  return (at, message, fields = {}) => {
    if (order[at] < order[level]) return;
    write(`${JSON.stringify({ time: new Date().toISOString(), level: at, message, ...redact(fields) })}\n`);
  };
}
