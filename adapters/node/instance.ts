import { randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import type { Instance } from "../../src/ports.ts";
import { createPresence, type Presence } from "./presence.ts";
import { sha256 } from "./sha256.ts";

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
 * This machine and this space of process ids, whatever hostname was given to them and to others: a living process
 * must never be called gone by one to which its pid means nothing, on another machine or in another container.
 */
export function machineName(): string {
  let place: string;
  try {
    place = `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8")} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    // Nobody is told from others by pid here.
    place = randomUUID();
  }
  return `${hostname()}x${sha256(place).slice(0, 12)}`;
}

/**
 * `<host>-<pid>-<start>`. In a container every server is process 1, and pids come again: only with the start time does
 * an id name one process. Another host's processes cannot be seen from here: only those who share files with such a
 * process call it gone.
 *
 * @param host where the pid means something
 * @param presentIn the directory in which those who share the files say that they live; absent: they share none
 */
export function createInstance(host: string = machineName(), presentIn?: string): Instance & Pick<Presence, "close"> {
  const name = named(host);
  const id = `${name}-${process.pid}-${startOf(process.pid) ?? "0"}`;
  const presence = presentIn === undefined ? undefined : createPresence(presentIn, id);
  return {
    id,
    close: (leavesWork) => presence?.close(leavesWork),
    isGone(owner) {
      const match = /^(([A-Za-z0-9]+)-(\d+)-(\d+))\./.exec(owner);
      if (!match) return false;
      const [, other, where, number, began] = match;
      if (where !== name) return presence?.isGone(other!) ?? false;
      const pid = Number(number);
      const start = startOf(pid);
      if (start === undefined) return !isAlive(pid);
      return began !== "0" && start !== began;
    },
  };
}
