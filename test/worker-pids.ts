import { readFileSync } from "node:fs";

/** The worker processes of a server, from Linux's /proc. */
export function workerPids(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return children.trim().split(" ").filter(Boolean).map(Number);
}
