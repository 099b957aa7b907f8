import { chmodSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../../src/ports.ts";
import { bitsForOthers, isOwnGroup } from "./own-group.ts";
import { recordEntries, type StoreEntry, storeEntries } from "./store-entries.ts";

/** The entries of the store that the process's own group may use, and need not. */
function sharedWithGroup(stateDir: string, auditMode: number): StoreEntry[] {
  if (process.platform === "win32") return [];
  const self = process.getuid?.();
  return [...storeEntries(stateDir, auditMode), ...recordEntries(stateDir)].filter(
    ({ stats, kind, mode }) =>
      stats.uid === self &&
      (kind === "file" ? stats.isFile() : stats.isDirectory()) &&
      stats.mode & 0o070 & ~mode &&
      isOwnGroup(stats.gid) &&
      // An entry open to others as well is a finding by itself.
      (bitsForOthers(stats) & ~mode) === 0,
  );
}

/** The finding in words, for the doctor and the log. */
export const groupBitsFinding = (count: number): string =>
  `${count} files and directories are open to the service's own group, as a volume's fsGroup leaves them at each mount`;
export const groupBitsRemedy =
  "the server closes them at its start; with a Kubernetes fsGroup, set fsGroupChangePolicy: OnRootMismatch, and they stay closed";

/** Files below a directory whose group may do more than it has to. */
export interface GroupBits {
  count: number;
  /** Takes from the group what it need not have. */
  close(): void;
}

/** @throws Problem `store_unreadable` where a directory cannot be read */
export function findGroupBits(stateDir: string, auditMode: number): GroupBits {
  const shared = sharedWithGroup(stateDir, auditMode);
  return {
    count: shared.length,
    close() {
      // The bit by which new files inherit the group stays: the volume's owner put it there.
      for (const { file, mode, stats } of shared)
        chmodSync(join(stateDir, file), stats.mode & 0o7777 & ~(0o070 & ~mode));
    },
  };
}

/** At the start. Files that come and go meanwhile are of no weight: they are born closed. */
export function closeToGroup(stateDir: string, auditMode: number, log: Log): void {
  const { count, close } = findGroupBits(stateDir, auditMode);
  if (count === 0) return;
  try {
    close();
  } catch (cause) {
    log("warn", "the store's files cannot be taken from the service's own group", { cause });
  }
  log("warn", groupBitsFinding(count), { files: count, remedy: groupBitsRemedy });
}
