export interface DoctorCheck {
  name: string;
  /** `warning` asks for a look, `failed` for a remedy; `fixed` was `failed` until `--fix`. */
  status: "ok" | "warning" | "failed" | "fixed";
  detail: string;
  remedy?: string | undefined;
}

export interface DoctorReport {
  /** No check failed. */
  ok: boolean;
  checks: DoctorCheck[];
}

export const doctorReport = (checks: DoctorCheck[]): DoctorReport => ({
  ok: checks.every((check) => check.status !== "failed"),
  checks,
});
