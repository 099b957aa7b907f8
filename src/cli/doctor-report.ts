/** One finding. `detail` names the thing and its state, `remedy` a command that mends it. */
export interface DoctorCheck {
  name: string;
  /** `warning` asks for a look, `failed` for a remedy; `fixed` was `failed` until `--fix`. */
  status: "ok" | "warning" | "failed" | "fixed";
  detail: string;
  remedy?: string | undefined;
}

/** The findings of one run, as `doctor --json` prints them. */
export interface DoctorReport {
  /** No check failed. */
  ok: boolean;
  checks: DoctorCheck[];
}

/** A warning does not make a report fail. */
export const doctorReport = (checks: DoctorCheck[]): DoctorReport => ({
  ok: checks.every((check) => check.status !== "failed"),
  checks,
});
