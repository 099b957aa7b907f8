import type { DoctorCheck } from "../../src/cli/doctor-report.ts";
import type { Context } from "../../src/service/context.ts";

/** Providers change prices every few weeks; what is older counts money that is not what the invoice says. */
export const freshDays = 60;

export async function priceCheck({ prices, clock }: Pick<Context, "prices" | "clock">): Promise<DoctorCheck> {
  const { asOf } = await prices.reload();
  const days = Math.floor((clock.now() - Date.parse(asOf)) / 86_400_000);
  const detail = `the table is of ${asOf}, ${days} days ago`;
  if (days <= freshDays) return { name: "prices", status: "ok", detail };
  return {
    name: "prices",
    status: "warning",
    detail,
    remedy:
      "install a newer release, or state the prices that changed: `provisioning prices set`, `provisioning prices import`",
  };
}
