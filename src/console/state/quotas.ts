import { exact, short, usd } from "./format.ts";

/** Money is money, and tokens are many. */
export const shortOf = (name: string): ((value: number) => string) => (name.includes("Usd") ? usd : short);
/** Every digit: for a quota beside which there is room. */
export const exactOf = (name: string): ((value: number) => string) => (name.includes("Usd") ? usd : exact);
