import { cp, lstat, mkdir, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";

/** Something that OpenClaw is about to move to the trash. */
export interface Doomed {
  path: string;
  inode?: bigint;
}

export interface Trash {
  /** Notes what is there, and what is in the trash already. */
  watch(paths: string[]): Promise<WatchedTrash>;
}

export interface WatchedTrash {
  /** Where each of the paths came to lie. */
  found(): Promise<Map<string, string>>;
}

const inodeOf = async (path: string): Promise<bigint | undefined> =>
  (await lstat(path, { bigint: true }).catch(() => undefined))?.ino;

/**
 * `~/.Trash` of the gateway's user, where OpenClaw keeps what it deletes: each in a directory of its own, under its
 * old name. On the same file system the inode tells whose it was; on another, the name and that it is new.
 *
 * @param directory default: this user's
 */
export function createTrash(directory = join(homedir(), ".Trash")): Trash {
  const list = async (): Promise<string[]> => await readdir(directory).catch(() => []);
  return {
    async watch(paths) {
      const before = new Set(await list());
      const inodes = new Map<string, bigint>();
      for (const path of paths) {
        const inode = await inodeOf(path);
        if (inode !== undefined) inodes.set(path, inode);
      }
      return {
        async found() {
          const places = new Map<string, string>();
          for (const slot of await list()) {
            if (before.has(slot)) continue;
            for (const [path, inode] of inodes) {
              const place = join(directory, slot, basename(path));
              const there = await inodeOf(place);
              if (there === undefined) continue;
              const isElsewhere = (await inodeOf(path)) === undefined && !places.has(path);
              if (there === inode || isElsewhere) places.set(path, place);
            }
          }
          return places;
        },
      };
    },
  };
}

/** Puts it where it was: by a move, or a copy from another file system. */
export async function putBack(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    await mkdir(to, { recursive: true, mode: 0o700 });
    await cp(from, to, { recursive: true });
    await rm(from, { recursive: true, force: true });
  }
}
