import { isRecord } from "../../domain/is-record.ts";
import type { BodyFields } from "./body-fields.ts";

/** The most that a model of no list writes in one answer, as far as anybody should guess. */
export const usualMaxOutput = 32_768;

/** Bounds by the beginning of a model's name: the first that fits decides. Most providers refuse one above a model's own. */
export type OutputLimits = readonly (readonly [prefix: string, tokens: number])[];

/** The most that the model writes in one answer, reasoning included; `undefined` for one of no list. */
export const maxOutputIn = (limits: OutputLimits, model: string): number | undefined =>
  limits.find(([prefix]) => model.startsWith(prefix))?.[1];

/** Beside a budget for thoughts, what an answer gets at least. */
const besideThoughts = 8_192;

export interface OutputBound {
  /** Put in where the client names none. */
  most: number;
  /** Below it an answer would be cut off before it is of use: the request is refused instead. */
  least: number;
}

/**
 * @param maxOutput the most that a model writes in one answer, where that is known
 * @param models all that may answer
 * @param setting the operator's own bound, for models of no list and over that of any other
 * @param reasons whether the model may reason out of sight, within its output
 */
export function outputBound(
  maxOutput: (model: string) => number | undefined,
  models: readonly string[],
  body: Pick<BodyFields, "get"> | undefined,
  setting: number | undefined,
  reasons: boolean,
): OutputBound {
  const budget = thinkingBudget(body);
  const own = models.map((model) => maxOutput(model) ?? setting ?? usualMaxOutput);
  const most = Math.min(...(own.length > 0 ? own : [usualMaxOutput]), setting ?? Number.POSITIVE_INFINITY);
  const wide = budget === 0 ? most : Math.max(most, budget + besideThoughts);
  return { most: wide, least: Math.min(wide, budget + (reasons ? 4_096 : 1_024)) };
}

/** Tokens that the client gives the model to think with, which count as output; 0 where it does not say. */
export function thinkingBudget(body: Pick<BodyFields, "get"> | undefined): number {
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
