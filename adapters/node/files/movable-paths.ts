import { isAbsolute, join, sep } from "node:path";

/*
 * The store names a path below the state directory relative to it: a directory that was restored elsewhere, or is
 * mounted elsewhere, then means its own. Outside of it, and in the documents of older releases, paths are absolute.
 */

/** @param stateDir absolute, symlinks resolved */
export const storedPath = (stateDir: string, path: string): string =>
  path.startsWith(stateDir + sep) ? path.slice(stateDir.length + 1) : path;

/** `""` stands for no path. */
export const presentPath = (stateDir: string, stored: string): string =>
  stored === "" || isAbsolute(stored) ? stored : join(stateDir, stored);
