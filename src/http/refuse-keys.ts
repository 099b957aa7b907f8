import { decodedFully, holdsKey } from "../domain/key-shapes.ts";
import { Problem } from "../errors.ts";

/**
 * An address is written down wherever it passes: by proxies, in logs, in a browser's history.
 * @throws Problem `invalid_path`, `invalid_query`
 */
export function refuseKeysIn(url: string): void {
  const { pathname, search } = new URL(url);
  const place = holdsKey(decodedFully(pathname)) ? "path" : holdsKey(decodedFully(search)) ? "query" : undefined;
  if (place === undefined) return;
  throw new Problem(
    `invalid_${place}`,
    `The ${place} holds what looks like a key. Addresses are written down on their way: revoke the key, and send ids.`,
  );
}
