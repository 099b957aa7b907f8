import { scrubKeys, scrubKnownKeys } from "./scrub-keys.ts";

/** Ids are long and mixed, and yet no secrets; they are what a log is searched by. */
const idFields = new Set(["requestId", "operationId", "agentId", "keyId", "clientRequestId", "actor"]);
const secretFields = /(^key$|api[-_]?key|provisioning[-_]?key|secret|token|authorization|password|credential)/i;

/** A log line's fields, made safe: secrets by their field's name or their shape, errors as text with their causes. */
export function redact(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, safe(name, value, 0)]));
}

function safe(name: string, value: unknown, depth: number): unknown {
  if (typeof value === "string") {
    if (secretFields.test(name)) return "[redacted]";
    return idFields.has(name) ? scrubKnownKeys(value) : scrubKeys(value);
  }
  if (typeof value !== "object" || value === null) return value;
  if (depth > 4) return "[deep]";
  if (value instanceof Error) return errorText(value, depth);
  if (Array.isArray(value)) return value.map((item) => safe(name, item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, safe(key, inner, depth + 1)]));
}

function errorText(error: Error, depth: number): string {
  const text = scrubKeys(error.stack ?? `${error.name}: ${error.message}`);
  const cause = error.cause instanceof Error && depth < 4 ? `\ncaused by ${errorText(error.cause, depth + 1)}` : "";
  return text + cause;
}
