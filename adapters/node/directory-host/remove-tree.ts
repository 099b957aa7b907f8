import { chmod, lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** Codes by which the system keeps something, now and at every repetition: no failure of ours. */
const withheld = ["EACCES", "EPERM", "ENOTEMPTY", "EBUSY", "EROFS"];

/**
 * Removes a directory whatever the modes of those inside: Go's module cache, for one, may not be written to.
 * @returns whether it is gone; what belongs to another user, is a mount or is being written into may stay, in part
 */
export async function removeTree(directory: string): Promise<boolean> {
  if (await removed(directory)) return true;
  await open(directory);
  return await removed(directory);
}

async function removed(directory: string): Promise<boolean> {
  try {
    await rm(directory, { recursive: true, force: true });
    return true;
  } catch (error) {
    if (withheld.includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}

/** Lets the owner into a directory and those inside. A link is not followed, as its target may be anybody's. */
async function open(directory: string): Promise<void> {
  try {
    const there = await lstat(directory);
    if (!there.isDirectory()) return;
    if ((there.mode & 0o700) !== 0o700) await chmod(directory, (there.mode & 0o7777) | 0o700);
    for (const one of await readdir(directory, { withFileTypes: true })) {
      if (one.isDirectory()) await open(join(directory, one.name));
    }
  } catch {
    // A directory that cannot be opened may yet be removable, and if not, the removal says so.
  }
}
