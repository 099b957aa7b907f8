/** Providers change prices every few weeks; what is older counts money that is not what the invoice says. */
export const freshDays = 60;

type PriceAge = { status: "ok"; detail: string } | { status: "warning"; detail: string; remedy: string };

const usualRemedy =
  "install a newer release, or state the prices that changed: `provisioning prices set`, `provisioning prices import`";

/** @param asOf the day (`YYYY-MM-DD`) of the table */
export function priceAge(asOf: string, now: number, remedy = usualRemedy): PriceAge {
  const days = Math.floor((now - Date.parse(asOf)) / 86_400_000);
  const detail = `the table is of ${asOf}, ${days} days ago`;
  return days <= freshDays ? { status: "ok", detail } : { status: "warning", detail, remedy };
}
