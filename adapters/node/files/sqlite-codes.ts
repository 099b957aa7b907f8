/** Primary result codes of SQLite: https://www.sqlite.org/rescode.html */
export const BUSY = 5;
export const LOCKED = 6;
export const READONLY = 8;
export const IOERR = 10;
export const CORRUPT = 11;
export const FULL = 13;
export const CANTOPEN = 14;
export const NOTADB = 26;

/** The primary code of a failure, the low byte of an extended one; `undefined` where it is not SQLite's. */
export function resultCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === "number" ? code & 0xff : undefined;
}
