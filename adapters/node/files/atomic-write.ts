import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  copyFileSync,
  fsync as fsyncCallback,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { Problem, type ProblemCode } from "../../../src/errors.ts";
import { groupCommit } from "./group-commit.ts";
import { FULL, resultCode } from "./sqlite-codes.ts";

/*
 * Opening, writing and renaming a small file takes some 20 microseconds, less than a trip to the thread pool:
 * only fsync, which waits for the disk, is asynchronous.
 */
const fsync = promisify(fsyncCallback);

const reasons: Record<string, string> = {
  ENOSPC: "There is no space left on the disk",
  EDQUOT: "The disk quota is used up",
  EROFS: "The file system is read-only",
  EACCES: "The service may not write there",
  EPERM: "The service may not write there",
};

/** The caller's view of a failed write. The error itself, with its path, goes to the log as the cause. */
export function unwritable(cause: unknown, code: ProblemCode = "store_unwritable"): Problem {
  if (cause instanceof Problem) return cause;
  const errno = resultCode(cause) === FULL ? "ENOSPC" : ((cause as NodeJS.ErrnoException | null)?.code ?? "");
  return new Problem(code, reasons[errno], { cause });
}

// Process ids repeat (in a container it is always 1), and a crash leaves its temporary files.
const run = randomBytes(6).toString("hex");
let count = 0;
/** A name in the same directory, so that the rename stays on one file system. */
export const temporaryIn = (directory: string, name: string): string =>
  join(directory, `.${name}.${run}-${++count}.tmp`);
const temporaryFor = (path: string): string => temporaryIn(dirname(path), basename(path));

/** The names of this module's temporary files. One that is minutes old was left by a crash. */
export const isTemporary = (name: string): boolean => /^\..+\.[0-9a-f]{12}-\d+\.tmp$/.test(name);

const directorySyncs = new Map<string, { sync: (item: undefined) => Promise<void>; callers: number }>();

async function fsyncDirectory(path: string): Promise<void> {
  const directory = openSync(path, "r");
  try {
    await fsync(directory);
  } finally {
    closeSync(directory);
  }
}

/** Makes renames, creations and removals in a directory durable. Callers at one time share an fsync. */
export async function syncDirectory(path: string): Promise<void> {
  const shared = directorySyncs.get(path) ?? { sync: groupCommit<undefined>(() => fsyncDirectory(path)), callers: 0 };
  directorySyncs.set(path, shared);
  shared.callers++;
  try {
    await shared.sync(undefined);
  } catch (error) {
    throw unwritable(error);
  } finally {
    if (--shared.callers === 0) directorySyncs.delete(path);
  }
}

/** The codes of file systems without hard links: exFAT, FAT, some of FUSE and SMB. */
const noHardLinks = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/** Gives a whole file its name too, unless another process was faster: then that one's stays. */
export function placeNew(whole: string, path: string, link: (from: string, to: string) => void = linkSync): void {
  try {
    link(whole, path);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    if (!noHardLinks.has(code)) throw error;
    copyNew(whole, path);
  }
}

function copyNew(whole: string, path: string): void {
  try {
    copyFileSync(whole, path, constants.COPYFILE_EXCL);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return;
  }
  const descriptor = openSync(path, "r+");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Puts something in its place at once, unless it finds that it must not. @returns whether it did */
export type Placing = (place: () => void) => boolean | Promise<boolean>;

const always: Placing = (place) => {
  place();
  return true;
};

/**
 * Replaces a file whole or not at all, durably, with mode 0600 from its first byte.
 * @param placing called when all but the last step is done; what it throws, or refuses, leaves the file as it was
 * @returns whether it was replaced
 * @throws Problem `store_unwritable`; what stood there before is untouched
 */
export async function writePrivate(
  path: string,
  content: string | Uint8Array,
  placing: Placing = always,
): Promise<boolean> {
  const temporary = temporaryFor(path);
  try {
    const file = openSync(temporary, "wx", 0o600);
    try {
      writeFileSync(file, content);
      await fsync(file);
    } finally {
      closeSync(file);
    }
    if (!(await placing(() => renameSync(temporary, path)))) {
      discard(temporary);
      return false;
    }
  } catch (error) {
    discard(temporary);
    throw unwritable(error);
  }
  await syncDirectory(dirname(path));
  return true;
}

function discard(temporary: string): void {
  try {
    rmSync(temporary, { force: true });
  } catch {
    // The disk refuses even this; the next start sweeps it.
  }
}

/** Durably gone when it resolves, whether or not it was there, unless `placing` refuses. */
export async function removeDurably(path: string, placing: Placing = always): Promise<boolean> {
  try {
    if (!(await placing(() => unlinkSync(path)))) return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return true;
    throw unwritable(error);
  }
  await syncDirectory(dirname(path));
  return true;
}

/** Makes a directory, and those above it that are missing, with mode 0700. One that exists is left as it is. */
export async function makePrivateDirectory(path: string): Promise<void> {
  let first: string | undefined;
  try {
    first = mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unwritable(error);
  }
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made));
}

/** @throws Problem `store_unwritable` where a small file cannot be written now */
export function probeWritable(directory: string): void {
  const probe = temporaryFor(join(directory, "probe"));
  try {
    writeFileSync(probe, new Uint8Array(4096), { flag: "wx", mode: 0o600 });
  } catch (error) {
    throw unwritable(error);
  } finally {
    rmSync(probe, { force: true });
  }
}
