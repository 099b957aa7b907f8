import { keyPrefixes } from "./provider-facts.ts";

/** The makers' prefixes before a key's secret part; nothing of the secret itself. */
const prefixes = [...keyPrefixes, "sk-"];

/**
 * Enough of a key to recognise it by, and too little to use: its maker's prefix and the last four characters
 * (`sk-ant-...abcd`). A key shorter than 20 characters would give too much away, and shows as `...`.
 */
export function keyHint(key: string): string {
  if (key.length < 20) return "...";
  return `${prefixes.find((prefix) => key.startsWith(prefix)) ?? ""}...${key.slice(-4)}`;
}
