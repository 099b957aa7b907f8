import { readdirSync } from "node:fs";
import { performance } from "node:perf_hooks";
import type { Metrics } from "../../src/metrics.ts";

/** The values that Prometheus' own clients tell of a process, looked up when they are asked for. */
export function tellOfProcess(metrics: Metrics): void {
  let last = performance.eventLoopUtilization();
  metrics.gauge("process_start_time_seconds", performance.timeOrigin / 1_000);
  metrics.beforeRender(() => {
    const { user, system } = process.cpuUsage();
    metrics.total("process_cpu_seconds_total", (user + system) / 1e6);
    metrics.gauge("process_resident_memory_bytes", process.memoryUsage.rss());
    const now = performance.eventLoopUtilization();
    metrics.gauge("nodejs_eventloop_utilization", performance.eventLoopUtilization(now, last).utilization);
    last = now;
    const open = openFiles();
    if (open !== undefined) metrics.gauge("process_open_fds", open);
  });
}

/** `undefined` where there is no /proc. */
function openFiles(): number | undefined {
  try {
    // One of them is the listing's own.
    return readdirSync("/proc/self/fd").length - 1;
  } catch {
    return undefined;
  }
}
