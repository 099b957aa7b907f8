import { lstatSync } from "node:fs";

/** False for a link to one, and for what is not there. */
export const isDirectory = (path: string): boolean =>
  lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
