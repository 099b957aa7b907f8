import type { UsageFormat } from "../../domain/usage.ts";

export const usageKey: Record<UsageFormat, string> = {
  anthropic: "usage",
  openai: "usage",
  "openai-responses": "usage",
  gemini: "usageMetadata",
};

/** `undefined` for anything but a whole JSON object: a report that cannot be read is none. */
export function parsedReport(text: string | undefined): unknown {
  if (text === undefined || text[0] !== "{") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
