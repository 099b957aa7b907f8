import { accessSync, constants, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { octal } from "./octal.ts";

/** How to run a program as the user whose files they are; to change the owner would take them from a server that runs. */
export const runAs = (uid: number): string =>
  `run it as uid ${uid} (docker exec -u ${uid} ..., docker run -u ${uid} ..., or sudo -u '#${uid}' ...)`;

/** The nearest that is there: what refuses is that, or is in it. */
function nearest(path: string): { path: string; stats: Stats } | undefined {
  for (let at = path; ; at = dirname(at)) {
    try {
      return { path: at, stats: statSync(at) };
    } catch {
      if (at === dirname(at)) return undefined;
    }
  }
}

/**
 * A system call that the start needs and the system refuses, in an operator's words: the path, whose it is, as whom this
 * process asks, and the command. `undefined` for what says nothing of the path.
 */
export function pathFault(path: string, told: string | undefined): string | undefined {
  const found = nearest(path);
  // Node tells of a directory that cannot be made on a read-only file system that it is not there.
  const code = told === "ENOENT" && found ? refusalOf(found.path)?.code : told;
  const remedy = pathRemedy(path, code, found);
  return remedy && `${path} cannot be used (${code}): ${remedy}`;
}

/** The owner of the path, and what helps; `undefined` for a code that says nothing of the path. */
export function pathRemedy(path: string, code: string | undefined, found = nearest(path)): string | undefined {
  switch (code) {
    case "EACCES":
    case "EPERM":
      return found && refusedBy(found);
    case "ENOTDIR":
    case "EEXIST":
      return found?.stats.isDirectory() === false
        ? `${found.path} is a file; move it away, or correct OPENCLAW_STATE_DIR`
        : undefined;
    case "EISDIR":
      return "it is a directory, which Docker makes where the file to be mounted is missing; remove it, and put the file there";
    case "EROFS":
      return "the file system is mounted read-only; mount the volume without :ro (readOnly: false)";
    case "ENOSPC":
      return `there is no space left on its file system; free some, or enlarge the volume (df -h ${found?.path ?? path})`;
    case "EDQUOT":
      return `the disk quota of uid ${process.getuid?.()} is used up; raise it, or free some space`;
    default:
      return undefined;
  }
}

/** The system's refusal of this use of a path; `undefined` where it allows it. */
export function refusalOf(path: string, mode = constants.W_OK): NodeJS.ErrnoException | undefined {
  try {
    accessSync(path, mode);
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

function refusedBy({ path, stats: { uid, gid, mode } }: { path: string; stats: Stats }): string {
  const [self, group] = [process.getuid?.(), process.getgid?.()];
  const state = `${path} belongs to uid ${uid}, gid ${gid}, mode ${octal(mode)}, and this process runs as uid ${self}, gid ${group}`;
  if (uid === self) return `${state}: run "chmod u+rwX ${path}"`;
  if (uid !== 0) return `${state}: ${runAs(uid)}`;
  return `${state}: with no server running on it, run "chown -R ${self}:${group} ${path}" as root; in Kubernetes, set securityContext.fsGroup: ${group}`;
}
