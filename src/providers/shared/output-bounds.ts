import type { ProviderKind } from "../../schema/ai-provider.ts";
import { type BodyFields, isRecord } from "./body-fields.ts";

/** The most that a model of no list writes in one answer, as far as anybody should guess. */
export const usualMaxOutput = 32_768;

/** By the beginning of a model's name; the first that fits decides. A bound above a model's own is refused by most. */
const openAi: readonly (readonly [prefix: string, tokens: number])[] = [
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
const claude: typeof openAi = [
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
const gemini: typeof openAi = [
  ["gemini-1.", 8_192],
  ["gemini-2.0", 8_192],
  ["gemini-2.5-flash-image", 32_768],
  ["gemini-2.5", 65_535],
  ["gemini-3", 65_535],
  ["gemma-", 8_192],
];

/** Whoever serves them: the names are their makers', behind a vendor's. */
const ofAll = [...openAi, ...claude, ...gemini];

const byKind: Record<ProviderKind, typeof openAi> = {
  anthropic: claude,
  openai: openAi,
  gemini,
  openrouter: ofAll,
  litellm: ofAll,
  custom: [],
};

/** The most that the model writes in one answer, reasoning included; `undefined` for one of no list. */
export function maxOutputOf(kind: ProviderKind, model: string): number | undefined {
  const name = kind === "openrouter" || kind === "litellm" ? model.slice(model.lastIndexOf("/") + 1) : model;
  return byKind[kind].find(([prefix]) => name.startsWith(prefix))?.[1];
}

/** Beside a budget for thoughts, what an answer gets at least. */
const besideThoughts = 8_192;

export interface OutputBound {
  /** Put in where the client names none. */
  most: number;
  /** Below it an answer would be cut off before it is of use: the request is refused instead. */
  least: number;
}

/**
 * @param models all that may answer
 * @param setting the operator's own bound, for models of no list and over that of any other
 * @param reasons whether the model may reason out of sight, within its output
 */
export function outputBound(
  kind: ProviderKind,
  models: readonly string[],
  body: Pick<BodyFields, "get"> | undefined,
  setting: number | undefined,
  reasons: boolean,
): OutputBound {
  const budget = thinkingBudget(body);
  const own = models.map((model) => maxOutputOf(kind, model) ?? setting ?? usualMaxOutput);
  const most = Math.min(...(own.length > 0 ? own : [usualMaxOutput]), setting ?? Number.POSITIVE_INFINITY);
  const wide = budget === 0 ? most : Math.max(most, budget + besideThoughts);
  return { most: wide, least: Math.min(wide, budget + (reasons ? 4_096 : 1_024)) };
}

/** Tokens that the client gives the model to think with, which count as output; 0 where it does not say. */
function thinkingBudget(body: Pick<BodyFields, "get"> | undefined): number {
  if (!body) return 0;
  const of = (value: unknown, ...names: string[]): unknown[] =>
    isRecord(value) ? names.map((name) => value[name]) : [];
  const [config, other] = of(body.get("generationConfig"), "thinkingConfig", "thinking_config");
  const budgets = [
    ...of(body.get("thinking"), "budget_tokens"),
    ...of(body.get("reasoning"), "max_tokens"),
    ...of(config ?? other, "thinkingBudget", "thinking_budget"),
    body.get("thinking_budget"),
  ];
  return Math.max(0, ...budgets.filter((budget): budget is number => Number.isSafeInteger(budget)));
}
