import { scrubKeys } from "../../src/domain/scrub-keys.ts";
import type { Log, LogLevel } from "../../src/ports.ts";

const levels: LogLevel[] = ["debug", "info", "warn", "error"];
const secretName = /(token|secret|password|authorization|cookie|apikey|sealkey)$/i;

/** JSON lines on the console, which Workers Logs takes apart. Secrets are taken out of what others wrote. */
export function createConsoleLog(least: LogLevel): Log {
  return (level, message, fields = {}) => {
    if (levels.indexOf(level) < levels.indexOf(least)) return;
    const shown = Object.entries(fields).map(([name, value]) => [name, show(name, value)]);
    const line = { time: new Date().toISOString(), level, message: scrubKeys(message), ...Object.fromEntries(shown) };
    console[level](JSON.stringify(line));
  };
}

function show(name: string, value: unknown, depth = 0): unknown {
  if (secretName.test(name)) return "[redacted]";
  if (value instanceof Error) {
    // No stack: it names what the bundler made of the code, and tells a reader nothing.
    const { code } = value as { code?: unknown };
    const cause = value.cause === undefined || depth > 2 ? undefined : show("cause", value.cause, depth + 1);
    return { name: value.name, message: scrubKeys(value.message), code, cause };
  }
  if (typeof value === "string") return name === "cause" ? scrubKeys(value) : value;
  return value;
}
