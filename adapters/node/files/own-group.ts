import type { Stats } from "node:fs";

/**
 * Whether a group is one of the process's own, which is nobody else: of a volume, Kubernetes gives directories and files
 * to the `fsGroup` at each mount, and OpenShift runs any user in group 0.
 */
export const isOwnGroup = (gid: number): boolean =>
  process.getgid?.() === gid || process.getgroups?.().includes(gid) === true;

/** The bits of a mode by which others than the process and its groups may use a file. Windows has none, and reports all. */
export function bitsForOthers({ mode, gid }: Pick<Stats, "mode" | "gid">): number {
  if (process.platform === "win32") return 0;
  // Asking for the groups costs a call, and hardly a file needs it.
  return mode & 0o070 && isOwnGroup(gid) ? mode & 0o007 : mode & 0o077;
}

/** A directory that root made for the group, as the top of a volume is. */
export const isRootsForUs = ({ uid, gid, mode }: Stats): boolean =>
  uid === 0 && (mode & 0o070) === 0o070 && isOwnGroup(gid);
