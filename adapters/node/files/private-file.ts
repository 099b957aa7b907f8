import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readFileSync, type Stats } from "node:fs";
import { join } from "node:path";
import { isRecord } from "../../../src/domain/is-record.ts";
import { Problem } from "../../../src/errors.ts";
import { octal } from "./octal.ts";
import { bitsForOthers, isRootsForUs } from "./own-group.ts";
import { pathRemedy } from "./path-fault.ts";

/** A fault of a file of the store, and the operator's remedy. Paths are relative to the state directory. */
export interface StoreFinding {
  file: string;
  /** Continues a sentence that begins with the file: `is readable by others (mode 0644)`. */
  problem: string;
  remedy: string;
  /** Whether `repairMode` is the remedy. */
  fixable: boolean;
}

const findings = new WeakMap<Problem, StoreFinding>();

/** The failure that a request meets. */
export function unreadable(finding: StoreFinding, cause?: unknown): Problem {
  const detail = `${finding.file} ${finding.problem}: ${finding.remedy}`;
  const problem = new Problem("store_unreadable", detail, { cause });
  findings.set(problem, finding);
  return problem;
}

/** The finding that was thrown as this failure. */
export const findingOf = (error: unknown): StoreFinding | undefined =>
  error instanceof Problem ? findings.get(error) : undefined;

/**
 * Why a file or directory of the store must not be believed, or nothing.
 * @param mode the widest that it may have, where that is not the service's user's alone
 */
export function distrust(
  stats: Stats,
  file: string,
  kind: "file" | "directory",
  mode = kind === "file" ? 0o600 : 0o700,
): StoreFinding | undefined {
  const finding = (problem: string, remedy: string, fixable = false) => ({ file, problem, remedy, fixable });
  if (stats.isSymbolicLink()) return finding("is a symbolic link", `put a real ${kind} in its place`);
  if (kind === "file" ? !stats.isFile() : !stats.isDirectory()) {
    return finding(`is not a ${kind}`, `put a ${kind} in its place, or remove it`);
  }
  const self = process.getuid?.();
  if (self !== undefined && stats.uid !== self && !(kind === "directory" && isRootsForUs(stats))) {
    return finding(
      `belongs to another user (uid ${stats.uid}, the service runs as ${self})`,
      `run "chown ${self} ${file}" in the state directory`,
    );
  }
  if (bitsForOthers(stats) & ~mode) {
    return finding(
      `is open to others (mode ${octal(stats.mode)})`,
      `run "chmod ${mode.toString(8)} ${file}" in the state directory`,
      true,
    );
  }
  return undefined;
}

/** The marks by which a change is recognised without reading. */
export interface Stamp {
  ino: number;
  size: number;
  mtimeMs: number;
  ctimeMs: number;
  /**
   * Whether an equal stamp proves equal content. A file that changed just before it was read may change again
   * within the same tick of the file system's clock, and get the same inode number back.
   */
  settled: boolean;
}

const tickMs = 50;

/** @param readAt epoch milliseconds of the machine's own clock, taken before the reading began */
export const stampOf = (stats: Stats, readAt: number): Stamp => ({
  ino: stats.ino,
  size: stats.size,
  mtimeMs: stats.mtimeMs,
  ctimeMs: stats.ctimeMs,
  settled: readAt - Math.max(stats.mtimeMs, stats.ctimeMs) > tickMs,
});

/** Changes of mode and owner move `ctime`, so they are seen too. */
export const unchanged = (stamp: Stamp, stats: Stats): boolean =>
  stamp.settled &&
  stamp.ino === stats.ino &&
  stamp.size === stats.size &&
  stamp.mtimeMs === stats.mtimeMs &&
  stamp.ctimeMs === stats.ctimeMs;

/** The failure to look at a file or a directory at all. */
export function inaccessible(file: string, error: unknown): Problem {
  const { code, path } = error as NodeJS.ErrnoException;
  const remedy = path === undefined ? undefined : pathRemedy(path, code);
  const problem = `cannot be opened (${code})`;
  return unreadable({ file, problem, remedy: remedy ?? accessible, fixable: false }, error);
}

const accessible = "make it and the directories above it accessible to the service's user";

/** Costs a microsecond or two. */
export const statOf = (stateDir: string, file: string): Stats | undefined => {
  try {
    return lstatSync(join(stateDir, file), { throwIfNoEntry: false });
  } catch (error) {
    throw inaccessible(file, error);
  }
};

/** The names in a directory of the store. */
export function namesIn(stateDir: string, directory: string): string[] {
  try {
    return readdirSync(join(stateDir, directory));
  } catch (error) {
    throw inaccessible(directory, error);
  }
}

/**
 * Reads a file that only the service's user may touch. The checks are made on the open descriptor, so that
 * nothing can be put in its place in between.
 * @returns `undefined` where there is none
 * @throws Problem `store_unreadable`, naming the file and the remedy
 */
export function readPrivate(stateDir: string, file: string): { text: string; stamp: Stamp } | undefined {
  const readAt = Date.now();
  let descriptor: number;
  try {
    // O_NONBLOCK: a FIFO in its place must not stop the process.
    descriptor = openSync(join(stateDir, file), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return undefined;
    const stats = code === "ELOOP" ? statOf(stateDir, file) : undefined;
    const finding = stats && distrust(stats, file, "file");
    throw finding ? unreadable(finding, error) : inaccessible(file, error);
  }
  try {
    const stats = fstatSync(descriptor);
    const finding = distrust(stats, file, "file");
    if (finding) throw unreadable(finding);
    return { text: readFileSync(descriptor, "utf8"), stamp: stampOf(stats, readAt) };
  } catch (error) {
    throw error instanceof Problem ? error : inaccessible(file, error);
  } finally {
    closeSync(descriptor);
  }
}

/** @throws Problem `store_unreadable` where the text is not a JSON object */
export function parseObject(text: string, file: string): Record<string, unknown> {
  let value: unknown;
  let cause: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // The parser quotes the text, which may hold a digest or a sealed key.
    cause = error instanceof Error ? error.name : "not JSON";
  }
  if (isRecord(value)) return value;
  throw unreadable(damaged(file, "is not valid JSON"), cause);
}

/** A finding that no start mends by itself: what a file held is the operator's to give up. */
export const damaged = (file: string, problem: string): StoreFinding => ({
  file,
  problem,
  remedy: "restore it from a backup, or move it away if what it held is not needed",
  fixable: false,
});

/** A later release's file is whole: moved away or restored, it would be lost. */
export const newerThan = (file: string, found: unknown, known: number): StoreFinding => ({
  file,
  problem: `was written by a newer release (version ${JSON.stringify(found)}, this release reads ${known})`,
  remedy: "run that release; the file was left as it is",
  fixable: false,
});

/** Shared by all who read: nobody may change what another will be given. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const field of Object.values(value)) deepFreeze(field);
    Object.freeze(value);
  }
  return value;
}
