import * as z from "zod/mini";

export const DoctorCheck = z.object({
  name: z.string(),
  /** `warning` asks for a look, `failed` for a remedy. */
  status: z.enum(["ok", "warning", "failed"]),
  detail: z.string(),
  remedy: z.optional(z.string()),
});
export type DoctorCheck = z.infer<typeof DoctorCheck>;

export const DoctorReport = z
  .object({ /** No check failed. */ ok: z.boolean(), checks: z.array(DoctorCheck) })
  .register(z.globalRegistry, { id: "DoctorReport" });
export type DoctorReport = z.infer<typeof DoctorReport>;
