import { readFileSync, readlinkSync } from "node:fs";
import { sha256 } from "./sha256.ts";

/** A time that nobody can set, and that every process of the machine shares. */
export interface MachineTime {
  /** Names what it counts from: this start of the machine, in this namespace of times. */
  boot: string;
  /** Milliseconds since then. */
  nowMs(): number;
}

/** Linux's monotonic clock; `undefined` where a start of the machine has no name, and its times could be confused. */
export function machineTime(): MachineTime | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const namespace = readlinkSync("/proc/self/ns/time");
    const name = sha256(`${boot} ${namespace}`).slice(0, 16);
    return { boot: name, nowMs: () => Number(process.hrtime.bigint() / 1_000n) / 1_000 };
  } catch {
    return undefined;
  }
}
