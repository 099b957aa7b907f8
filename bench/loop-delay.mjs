/**
 * Loaded into the server: on SIGUSR2 it writes the longest pause of the event loop since the last time to a file, and the
 * most CPU time between two turns of a timer: on a busy machine the first is the machine's as well.
 */
import { writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const resolution = 5;
const delay = monitorEventLoopDelay({ resolution });
delay.enable();
const cpuMs = () => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
};
let last = cpuMs();
let most = 0;
setInterval(() => {
  const now = cpuMs();
  most = Math.max(most, now - last);
  last = now;
}, resolution).unref();

process.on("SIGUSR2", () => {
  // The timer's own interval is no pause.
  const pauseMs = Math.max(0, delay.max / 1e6 - resolution);
  writeFileSync(process.env.BENCH_LOOP_FILE ?? "/dev/null", `${pauseMs},${most} `, { flag: "a" });
  delay.reset();
  most = 0;
});
