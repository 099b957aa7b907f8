import type { Clock } from "../../src/ports.ts";

export function settableClock(start = Date.UTC(2026, 10, 22, 18)): Clock & { set(now: number): void } {
  let time = start;
  return {
    now: () => time,
    set(now) {
      time = now;
    },
  };
}
