import { constants, fstatSync, openSync } from "node:fs";
import type { AuditLines } from "./verify-audit-lines.ts";

/** Opens a file of lines for reading; `undefined` where there is none. The caller closes it. */
export function openLines(path: string): AuditLines | undefined {
  try {
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    return { descriptor, size: fstatSync(descriptor).size };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
