import type { OutputLimits } from "../shared/output-bounds.ts";

export const claudeOutputLimits: OutputLimits = [
  ["claude-3-5", 8_192],
  ["claude-3.5", 8_192],
  ["claude-3-7", 64_000],
  ["claude-3.7", 64_000],
  ["claude-3", 4_096],
  ["claude-opus-4-5", 64_000],
  ["claude-opus-4.5", 64_000],
  ["claude-opus-4", 32_000],
  ["claude-sonnet-4", 64_000],
  ["claude-haiku-4", 64_000],
];
