import type { OutputLimits } from "../shared/output-bounds.ts";

export const openAiOutputLimits: OutputLimits = [
  ["gpt-3.5", 4_096],
  ["gpt-4-", 4_096],
  ["gpt-4.1", 32_768],
  ["gpt-4.5", 16_384],
  ["gpt-4o-2024-05-13", 4_096],
  ["gpt-4o", 16_384],
  ["chatgpt-4o", 16_384],
  ["gpt-4", 4_096],
  ["gpt-5-chat", 16_384],
  ["gpt-5", 128_000],
  ["o1-preview", 32_768],
  ["o1-mini", 65_536],
  ["o1", 100_000],
  ["o3", 100_000],
  ["o4", 100_000],
  ["codex-mini", 100_000],
  ["computer-use", 1_024],
];
