import { accessSync, chmodSync, constants, mkdtempSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";

const inMemory = "/dev/shm";
const bytesNeeded = 2 * 1024 ** 3;

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
 * The directories of tests are in memory where there is room: on a disk, a run waits for syncs longer than it works.
 * `TMPDIR=/tmp npm test` runs on the disk.
 */
export default function setup(): (() => void) | undefined {
  if (process.env.TMPDIR || !isUsable()) return undefined;
  const directory = mkdtempSync(join(inMemory, "openclaw-tests-"));
  // Some tests run commands as other users.
  chmodSync(directory, 0o1777);
  process.env.TMPDIR = directory;
  return () => rmSync(directory, { recursive: true, force: true });
}
