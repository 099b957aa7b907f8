import type { DoctorCheck } from "../../src/cli/doctor-report.ts";
import { priceAge } from "../../src/domain/price-age.ts";
import type { Context } from "../../src/service/context.ts";

/** A warning once the table of prices is older than 60 days. */
export async function priceCheck({ prices, clock }: Pick<Context, "prices" | "clock">): Promise<DoctorCheck> {
  const { asOf } = await prices.reload();
  return { name: "prices", ...priceAge(asOf, clock.now()) };
}
