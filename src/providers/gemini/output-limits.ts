import type { OutputLimits } from "../shared/output-bounds.ts";

export const geminiOutputLimits: OutputLimits = [
  ["gemini-1.", 8_192],
  ["gemini-2.0", 8_192],
  ["gemini-2.5-flash-image", 32_768],
  ["gemini-2.5", 65_535],
  ["gemini-3", 65_535],
  ["gemma-", 8_192],
];
