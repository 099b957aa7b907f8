import { parsedJson } from "../../domain/parsed-json.ts";
import type { UsageFormat } from "../../domain/usage.ts";

export const usageKey: Record<UsageFormat, string> = {
  anthropic: "usage",
  openai: "usage",
  "openai-responses": "usage",
  gemini: "usageMetadata",
};

/** `undefined` for anything but a whole JSON object: a report that cannot be read is none. */
export const parsedReport = (text: string | undefined): unknown => (text?.[0] === "{" ? parsedJson(text) : undefined);
