import type { Log, LogLevel } from "../../src/ports.ts";
import { isLogged, logLine } from "../log-line.ts";

/** One JSON object a line on the console, which Workers Logs takes apart. */
export function createConsoleLog(least: LogLevel): Log {
  return (level, message, fields = {}) => {
    if (isLogged(level, least)) console[level](logLine(level, message, fields));
  };
}
