import type { DoctorCheck } from "../../../src/cli/doctor-report.ts";
import { fittingWorkers } from "./worker-count.ts";

/** Nothing, where one process does everything. */
export function workerChecks({ workers }: { workers: number }, fitting: () => number = fittingWorkers): DoctorCheck[] {
  if (workers === 1) return [];
  const name = "worker processes";
  const room = fitting();
  if (workers <= room) return [{ name, status: "ok", detail: `${workers} and the primary process` }];
  return [
    {
      name,
      status: "warning",
      detail: `OPENCLAW_WORKERS is ${workers}, and there are cores and memory for ${room}`,
      remedy: "set OPENCLAW_WORKERS to auto, or raise the limits of processor and memory",
    },
  ];
}
