import { accessSync, chmodSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const inMemory = "/dev/shm";
/** Three times as many as a run has held at once. */
const bytesNeeded = 1024 ** 3;

/** Containers often have 64 MB of it, from which no program is run. */
function isUsable(): boolean {
  try {
    accessSync(inMemory, constants.W_OK);
    const { bavail, bsize } = statfsSync(inMemory);
    const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
    const mount = mounts.findLast((line) => line.split(" ")[1] === inMemory);
    return mount !== undefined && !/\bnoexec\b/.test(mount) && bavail * bsize >= bytesNeeded;
  } catch {
    return false;
  }
}

/**
 * Tests make their directories in one of the run's own, in memory where there is room: on a disk, a run waits for syncs
 * longer than it works. `TMPDIR=/tmp npm test` runs on the disk.
 */
export default function setup(): () => void {
  const parent = process.env.TMPDIR || (isUsable() ? inMemory : tmpdir());
  const directory = mkdtempSync(join(parent, "openclaw-tests-"));
  const compiled = join(directory, "compile-cache");
  mkdirSync(compiled);
  // Some tests run commands as other users.
  for (const shared of [directory, compiled]) chmodSync(shared, 0o1777);
  process.env.TMPDIR = directory;
  // A server as a process of its own starts with a fifth less work.
  process.env.NODE_COMPILE_CACHE ||= compiled;
  return () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}
