import { shownJson } from "../src/domain/hidden-characters.ts";
import { redact } from "../src/domain/redact.ts";
import { scrubKeys } from "../src/domain/scrub-keys.ts";
import type { LogLevel } from "../src/ports.ts";

const order: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Whether a log from `least` on has this level. */
export const isLogged = (level: LogLevel, least: LogLevel): boolean => order[level] >= order[least];

/** JSON has none, and a log line must not be lost for one. */
const withoutBigInt = (_: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value);

/**
 * One JSON object, without a line break; secrets are cut out whatever brought them in.
 * @param always fields of each line
 */
export function logLine(
  level: LogLevel,
  message: string,
  fields: Record<string, unknown>,
  always: Record<string, unknown> = {},
): string {
  const own = { time: new Date().toISOString(), level, message: scrubKeys(message), ...always };
  return shownJson(JSON.stringify({ ...own, ...redact(fields), ...own }, withoutBigInt));
}
