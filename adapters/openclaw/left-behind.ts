import { existsSync, lstatSync, readdirSync, renameSync, rmdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { Problem } from "../../src/errors.ts";
import type { LeftBehind } from "../../src/ports.ts";

/** OpenClaw is done within milliseconds, and takes a lock of this age for stale itself. */
const staleMs = 30_000;
/** A database in which nothing has been checkpointed, as every young one is. */
const onePageBytes = 4_096;

const lookAgainMs = 250;

interface Unfinished {
  path: string;
  isDirectory: boolean;
  mtimeMs: number;
}

const isStale = ({ mtimeMs }: Unfinished): boolean => Date.now() - mtimeMs >= staleMs;

/**
 * OpenClaw 2026.9.6 waits for every lock that names no owner, and is refused after 40 s each time: one that a process
 * left empty that was killed as it took it, or the directory that guards the removal of a stale one. A restart does
 * not help. One that holds an empty lock yet, and was only stopped, sees that its file is gone and begins anew.
 */
function unfinishedLocks(configFile: string): Unfinished[] {
  return [`${configFile}.lock`, `${configFile}.lock.reclaim`].flatMap((path) => {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (!found || (found.isFile() && found.size > 0)) return [];
    return [{ path, isDirectory: found.isDirectory(), mtimeMs: found.mtimeMs }];
  });
}

/** @throws Problem `host_unavailable` that says what to remove */
export function refuseLeftLock(configFile: string): void {
  const lock = unfinishedLocks(configFile).find(isStale);
  if (lock === undefined) return;
  throw new Problem(
    "host_unavailable",
    `OpenClaw cannot change its configuration: a process that was killed left the lock ${lock.path} behind. Remove it: ${lock.isDirectory ? "rmdir" : "rm"} '${lock.path}'`,
  );
}

/** Agents' databases without a table: OpenClaw 2026.9.6 does not start beside one. */
function emptyDatabases(stateDir: string): Unfinished[] {
  const agents = join(stateDir, "agents");
  if (!existsSync(agents)) return [];
  return readdirSync(agents)
    .map((id) => join(agents, id, "agent", "openclaw-agent.sqlite"))
    .filter(existsSync)
    .flatMap((path) => {
      const found = lstatSync(path, { throwIfNoEntry: false });
      if (!found?.isFile() || found.size > onePageBytes || !isEmpty(path)) return [];
      return [{ path, isDirectory: false, mtimeMs: found.mtimeMs }];
    });
}

function isEmpty(path: string): boolean {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return database.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined;
  } catch {
    // Whatever it is, it is not what was being made.
    return false;
  } finally {
    database.close();
  }
}

/**
 * OpenClaw cannot start, or change anything, before these are mended: a gateway left them that was killed. Whether a
 * young one was left, or is being made, only time tells: it is waited for, 30 s at most.
 */
export async function findLeftBehind(stateDir: string, configFile: string): Promise<LeftBehind[]> {
  const until = performance.now() + staleMs + lookAgainMs;
  const look = () => ({ locks: unfinishedLocks(configFile), databases: emptyDatabases(stateDir) });
  let { locks, databases } = look();
  while ([...locks, ...databases].some((one) => !isStale(one)) && performance.now() < until) {
    await sleep(lookAgainMs);
    ({ locks, databases } = look());
  }
  return [
    ...locks.filter(isStale).map(({ path, isDirectory }) => ({
      detail: `OpenClaw cannot change its configuration: ${path} is the lock of a process that was killed`,
      remedy: "`doctor --fix` removes it",
      mend: () => (isDirectory ? rmdirSync : unlinkSync)(path),
    })),
    ...databases.filter(isStale).map(({ path }) => ({
      detail: `OpenClaw does not start: ${path} was being made by a process that was killed, and has nothing in it`,
      remedy: "`doctor --fix` moves it away",
      mend() {
        for (const file of ["", "-wal", "-shm"].map((ending) => path + ending)) {
          if (existsSync(file)) renameSync(file, `${file}.half-made`);
        }
      },
    })),
  ];
}
