import type { DoctorCheck } from "./doctor-report.ts";

/** Providers change prices every few weeks; what is older counts money that is not what the invoice says. */
export const freshDays = 60;

/** @param asOf the day (`YYYY-MM-DD`) of the table */
export function priceAge(asOf: string, now: number): Omit<DoctorCheck, "name"> {
  const days = Math.floor((now - Date.parse(asOf)) / 86_400_000);
  const detail = `the table is of ${asOf}, ${days} days ago`;
  if (days <= freshDays) return { status: "ok", detail };
  const remedy =
    "install a newer release, or state the prices that changed: `provisioning prices set`, `provisioning prices import`";
  return { status: "warning", detail, remedy };
}
