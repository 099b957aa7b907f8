import { fromBase64Url, toBase64Url } from "../../domain/base64url.ts";
import { parsedJson } from "../../domain/parsed-json.ts";
import { Problem } from "../../errors.ts";
import { searchCursorMark } from "../../schema/agent-query.ts";

/** A place in an order: by its value, then by its id. */
export type Place = readonly [value: string | number | null, id: string];

/** A list goes on behind its place, whatever comes and goes before it. */
export const writeCursor = (order: string, place: Place): string =>
  `${searchCursorMark}${toBase64Url(new TextEncoder().encode(JSON.stringify([order, ...place])))}`;

/** @throws Problem `invalid_query` for a cursor of another list */
export function readCursor(cursor: string, order: string): Place {
  const bytes = cursor.startsWith(searchCursorMark) ? fromBase64Url(cursor.slice(1)) : undefined;
  const parsed = bytes && parsedJson(new TextDecoder().decode(bytes));
  const [of, value, id] = Array.isArray(parsed) ? (parsed as unknown[]) : [];
  if (
    of === order &&
    (value === null || typeof value === "string" || typeof value === "number") &&
    typeof id === "string"
  ) {
    return [value, id];
  }
  throw new Problem("invalid_query", `cursor: is no cursor of this list sorted by ${order}.`, {
    errors: [{ path: "cursor", message: `is no cursor of this list sorted by ${order}` }],
  });
}
