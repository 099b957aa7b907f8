const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat("en");

/** `12.4K`, for a glance. */
export const short = (value: number): string => compact.format(value);
/** `12,408`, for the exact number. */
export const exact = (value: number): string => whole.format(value);
const money = new Intl.NumberFormat("en", { style: "currency", currency: "USD", minimumFractionDigits: 2 });
const cents = new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumSignificantDigits: 3 });
/** `$61.20`, and less than a cent as what it is. */
export const usd = (value: number): string => (value === 0 || value >= 0.01 ? money : cents).format(value);
/** A share of 0.8 as `80 %`. */
export const percent = (share: number): string => `${Math.round(share * 100)} %`;

const units: [ms: number, name: string][] = [
  [31_557_600_000, "y"],
  [2_629_800_000, "mo"],
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
];

/** `4 min`, rounded down. */
function span(ms: number): string {
  for (const [size, name] of units) if (ms >= size) return `${Math.floor(ms / size)} ${name}`;
  return "0 s";
}

/** `4 min ago`, `in 6 d`, `now`. */
export function relative(at: number, now: number): string {
  const ms = now - at;
  if (Math.abs(ms) < 5_000) return "now";
  return ms > 0 ? `${span(ms)} ago` : `in ${span(-ms)}`;
}

/** `2026-11-28 23:51:56 UTC` */
export const exactTime = (at: string): string => `${at.slice(0, 10)} ${at.slice(11, 19)} UTC`;
