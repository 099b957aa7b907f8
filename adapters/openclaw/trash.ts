import { cp, lstat, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";

/** The system's trash, into which OpenClaw moves the directories of a deleted agent. */
export interface Trash {
  /** Notes what is at these paths, and what is in the trash already. */
  watch(paths: string[]): Promise<{
    /** The place to which each of the paths has come since, if it has. */
    found(): Promise<Map<string, string>>;
  }>;
}

const seen = async (path: string) => await lstat(path, { bigint: true }).catch(() => undefined);

/**
 * `~/.Trash` of the gateway's user, where OpenClaw keeps what it deletes: each in a new directory of its own, under
 * its old name. On the same file system the inode tells whose it was; on another, that it is new and has the name.
 *
 * @param directory default: this user's
 */
export function createTrash(directory = join(homedir(), ".Trash")): Trash {
  const slots = async (): Promise<string[]> => await readdir(directory).catch(() => []);
  return {
    async watch(paths) {
      const before = new Set(await slots());
      const watched = (await Promise.all(paths.map(async (path) => ({ path, was: await seen(path) })))).filter(
        ({ was }) => was !== undefined,
      );
      return {
        async found() {
          const places = new Map<string, string>();
          for (const slot of await slots()) {
            if (before.has(slot)) continue;
            for (const { path, was } of watched) {
              const place = join(directory, slot, basename(path));
              const is = await seen(place);
              if (is && (is.dev === was!.dev ? is.ino === was!.ino : !(await seen(path)))) places.set(path, place);
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
    await cp(from, to, { recursive: true });
    await rm(from, { recursive: true, force: true });
  }
}
