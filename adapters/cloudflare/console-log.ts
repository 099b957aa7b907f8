import { shownJson } from "../../src/domain/hidden-characters.ts";
import { redact } from "../../src/domain/redact.ts";
import { scrubKeys } from "../../src/domain/scrub-keys.ts";
import type { Log, LogLevel } from "../../src/ports.ts";

const order: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** One JSON object a line on the console, which Workers Logs takes apart; secrets are cut out. */
export function createConsoleLog(least: LogLevel): Log {
  return (level, message, fields = {}) => {
    if (order[level] < order[least]) return;
    const own = { time: new Date().toISOString(), level, message: scrubKeys(message) };
    console[level](shownJson(JSON.stringify({ ...own, ...redact(fields), ...own })));
  };
}
