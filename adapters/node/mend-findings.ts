import type { DoctorCheck } from "../../src/cli/doctor-report.ts";

interface Finding {
  detail: string;
  remedy: string;
  /** Absent where it is not safe to mend. */
  mend?: () => void | Promise<void>;
}

/** The doctor tells of each finding, and with `fix` mends it first. */
export async function mendFindings(name: string, found: readonly Finding[], fix: boolean): Promise<DoctorCheck[]> {
  if (found.length === 0) return [{ name, status: "ok", detail: "none" }];
  return await Promise.all(
    found.map(async ({ detail, remedy, mend }) => {
      if (!fix || !mend) return { name, status: "failed" as const, detail, remedy };
      await mend();
      return { name, status: "fixed" as const, detail };
    }),
  );
}
