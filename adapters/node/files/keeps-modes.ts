import { chmodSync, closeSync, openSync, rmSync, statSync } from "node:fs";
import { temporaryIn } from "./atomic-write.ts";
import type { ChangeMode } from "./store-check.ts";

/**
 * Whether a file in this directory has the mode that it is given. Bind mounts of Docker Desktop, SMB, exFAT and the like
 * show one mode for all, and pass over a change without a word or refuse it.
 */
export function keepsModes(directory: string, chmod: ChangeMode = chmodSync): boolean {
  const probe = temporaryIn(directory, "modes");
  try {
    closeSync(openSync(probe, "wx", 0o600));
    return [0o640, 0o600].every((mode) => {
      chmod(probe, mode);
      return (statSync(probe).mode & 0o777) === mode;
    });
  } catch (error) {
    return !["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes((error as NodeJS.ErrnoException).code ?? "");
  } finally {
    rmSync(probe, { force: true });
  }
}

/** The fault in words for the operator, with the remedy. */
export const keepsNoModes = (path: string): string =>
  `the file system of ${path} keeps no modes, so that anybody who reaches it can read the keys: put the state directory ` +
  "on a named Docker volume in place of a bind mount, or on a file system of Linux in place of SMB or exFAT";
