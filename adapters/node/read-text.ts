import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";

/** Names in another encoding would be stored with signs in place of their letters. */
function decoded(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Error(`${what} is not UTF-8: convert it to UTF-8`, { cause });
  }
}

/** @throws where it cannot be read, or is not UTF-8 */
export const readText = async (path: string): Promise<string> => decoded(await readFile(path), path);

/** All of stdin. @throws where it is not UTF-8 */
export const readStdin = async (): Promise<string> => decoded(await buffer(process.stdin), "stdin");
