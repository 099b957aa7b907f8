import { dirname, join } from "node:path";
import { Problem } from "../../src/errors.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";
import { probeWritable } from "./files/atomic-write.ts";
import { keepsModes, keepsNoModes } from "./files/keeps-modes.ts";
import { pathFault, refusalOf } from "./files/path-fault.ts";
import { findingOf, type StoreFinding } from "./files/private-file.ts";
import { FULL, IOERR, READONLY, resultCode } from "./files/sqlite-codes.ts";
import type { ChangeMode } from "./files/store-check.ts";

const noRoom = new Set(["ENOSPC", "EDQUOT"]);

/**
 * A failure to open the stores, worded for the operator who starts the service on them: one of the file system is told
 * with its path and the command that mends it. Anything else is given back as it is.
 */
export function startFault(error: unknown, stateDir: string, chmod?: ChangeMode): unknown {
  const finding = findingOf(error);
  const problem = finding && withoutModes(finding, stateDir, chmod);
  if (problem !== undefined) return new SettingsError(problem);
  for (let cause = error, depth = 0; cause instanceof Error && depth < 4; cause = cause.cause, depth++) {
    const { path, code } = refusalIn(cause, stateDir);
    const fault = path === undefined ? undefined : pathFault(path, code);
    if (fault !== undefined) return new SettingsError(fault);
  }
  return error;
}

/** The fault, where a file is open to others for want of a file system that could close it. */
export function withoutModes(finding: StoreFinding, stateDir: string, chmod?: ChangeMode): string | undefined {
  if (!finding.fixable) return undefined;
  const directory = dirname(join(stateDir, finding.file));
  if (keepsModes(finding.file === "." ? stateDir : directory, chmod)) return undefined;
  return `${finding.file} ${finding.problem}, and ${keepsNoModes(stateDir)}`;
}

/** Whether the disk is the reason of an I/O error: its log and its shared memory need room too. */
function roomFault(directory: string): string | undefined {
  try {
    probeWritable(directory);
    return undefined;
  } catch (error) {
    const { code = "" } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
    return noRoom.has(code) ? code : undefined;
  }
}

function refusalIn(error: Error, stateDir: string): { path?: string | undefined; code?: string | undefined } {
  if (error instanceof Problem) return {};
  const sqlite = resultCode(error);
  const directory = join(stateDir, "provisioning");
  if (sqlite === undefined) {
    const { path, code } = error as NodeJS.ErrnoException;
    // A write that the disk has no room for is refused without a path.
    return { path: path ?? (code && noRoom.has(code) ? directory : undefined), code };
  }
  // SQLite says neither the path nor the reason.
  if (sqlite === FULL) return { path: directory, code: "ENOSPC" };
  if (sqlite === IOERR) return { path: directory, code: roomFault(directory) };
  const refusal = sqlite === READONLY ? refusalOf(directory) : undefined;
  return refusal ? { path: directory, code: refusal.code } : {};
}
