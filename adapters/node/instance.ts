import { hash, randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import type { Instance } from "../../src/ports.ts";

/** When a process started, in the kernel's ticks; `undefined` where there is none of that pid, or no /proc. */
function startOf(pid: number | string): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command's name may hold spaces and parentheses: fields are counted from the last one. Start is field 22.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

const named = (host: string): string => host.replace(/[^A-Za-z0-9]/g, "") || "localhost";

/**
 * This machine and this space of process ids, whatever hostname was given to them and to others: on a store that
 * machines share, a living process must never be called gone by one of another machine.
 */
export function machineName(): string {
  let place: string;
  try {
    place = `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8")} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    // Nobody is told from others here: what a crash left ends by itself.
    place = randomUUID();
  }
  return `${hostname()}x${hash("sha256", place, "hex").slice(0, 12)}`;
}

/**
 * `<host>-<pid>-<start>`. In a container every server is process 1, and pids come again: only with the start time
 * does an id name one process. What another host runs cannot be seen from here, and is never called gone.
 *
 * @param host by default the hostname, which a container started anew keeps: right where no other machine has the store
 */
export function createInstance(host: string = hostname()): Instance {
  const name = named(host);
  return {
    id: `${name}-${process.pid}-${startOf(process.pid) ?? "0"}`,
    isGone(owner) {
      const match = /^([A-Za-z0-9]+)-(\d+)-(\d+)\./.exec(owner);
      if (!match || match[1] !== name) return false;
      const pid = Number(match[2]);
      const start = startOf(pid);
      if (start === undefined) return !isAlive(pid);
      return match[3] !== "0" && start !== match[3];
    },
  };
}
