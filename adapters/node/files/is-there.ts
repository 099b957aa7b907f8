import { lstatSync } from "node:fs";

/** True for a link too, wherever it leads. */
export const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
