import { closeSync, fsync as fsyncCallback, openSync } from "node:fs";
import { promisify } from "node:util";

const fsync = promisify(fsyncCallback);

/** Fsyncs these files and directories at one time: on a journalling file system they share a commit. */
export async function flush(...paths: string[]): Promise<void> {
  const open: number[] = [];
  try {
    for (const path of paths) open.push(openSync(path, "r"));
    // All are waited for, since a file must not be closed under an fsync that still runs.
    for (const result of await Promise.allSettled(open.map((file) => fsync(file)))) {
      if (result.status === "rejected") throw result.reason;
    }
  } finally {
    for (const file of open) closeSync(file);
  }
}
