/** A non-negative amount of USD with at most six decimals, as people write it. */
const plainAmount = /^\d+(\.\d{1,6})?$/;

/**
 * Whole micro-dollars of an amount in USD; `undefined` for one that is negative, no number, or has more than six
 * decimals: what was meant cannot be told from what was rounded.
 */
export function toMicroUsd(usd: number): number | undefined {
  const product = Math.round(usd * 1_000_000);
  // Fifteen digits and the number that is nearest to them lead to each other.
  if (product > 0 && product < 1e15 && product / 1_000_000 === usd) return product;
  // The shortest text that is this number: 0.29 is 0.29 here, though no binary fraction is.
  const text = String(usd);
  if (!plainAmount.test(text)) return undefined;
  const [whole = "", decimals = ""] = text.split(".");
  const micro = Number(whole + decimals.padEnd(6, "0"));
  return Number.isSafeInteger(micro) ? micro : undefined;
}

/** USD of whole micro-dollars; exact to the sixth decimal when written down. */
export const fromMicroUsd = (micro: number): number => micro / 1_000_000;

const decimal = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/;

/**
 * Whole micro-dollars of an amount in USD that another has computed, rounded up; `undefined` for anything that is no
 * amount, or is beyond all measure.
 */
export function ceilMicroUsd(usd: unknown): number | undefined {
  if (typeof usd !== "number" || !(usd >= 0 && usd <= 1_000_000)) return undefined;
  // The shortest text that is this number: a product of the binary fraction may pass the next whole one.
  const [, whole = "", fraction = "", exponent = "0"] = decimal.exec(String(usd)) ?? [];
  const shift = 6 + Number(exponent) - fraction.length;
  const digits = BigInt(whole + fraction);
  if (shift >= 0) return Number(digits * 10n ** BigInt(shift));
  const unit = 10n ** BigInt(-shift);
  return Number((digits + unit - 1n) / unit);
}

/** An amount for people: `$20.00`, `$0.000123`; cents at least, and no further zeros. */
export function usdText(micro: number): string {
  const [whole = "0", decimals = ""] = fromMicroUsd(micro).toFixed(6).split(".");
  return `$${Number(whole).toLocaleString("en-US")}.${decimals.replace(/0{1,4}$/, "")}`;
}

/** The same of an amount in USD. */
export const dollars = (usd: number): string => usdText(Math.round(usd * 1_000_000));
