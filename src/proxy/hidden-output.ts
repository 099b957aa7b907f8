import { isRecord } from "../domain/is-record.ts";
import { factsOf, type ProviderKind } from "../domain/provider-facts.ts";
import type { UsageFormat } from "../domain/usage.ts";
import { type BodyFields, isSetValue, list, textOf } from "../providers/shared/body-fields.ts";

/** The parts of an answer's cost that a stream does not show before its end. */
export interface HiddenCost {
  /**
   * The streamed text does not bound the provider's bill: its model may reason out of sight, or it goes on when nobody
   * reads.
   */
  output: boolean;
  /** The provider holds back a value in a call of a tool until it is whole. */
  calls: boolean;
  /** The provider may read more than the request holds, after it has told the input. */
  input: boolean;
}

/** OpenAI's models that do not reason; any other name may be of one that does. */
const plainOpenAi =
  /^(openai\/)?gpt-(3\.5-turbo|4|4-turbo|4o|4o-mini|4\.1|4\.1-mini|4\.1-nano)(-\d{4}(-\d{2}-\d{2})?)?$/;
const plainGemini = /^(gemini-(1\.5|2\.0)-(flash|flash-lite|pro)(-\d{3})?|gemma-3-[\w-]+)$/;
const thinkingCanBeOff = /^gemini-2\.5-flash(-lite)?$/;
/** Claude models that think only where they are asked to. */
const quietClaude = /^claude-((2|3|instant)\b.*|(opus|sonnet|haiku)-4(-[0156])?(-\d{8})?(-latest)?)$/;

/**
 * Whether a model may write what nobody is shown.
 *
 * @param models all that may answer
 */
export function mayReason(
  format: UsageFormat,
  kind: ProviderKind,
  models: readonly string[],
  body: Pick<BodyFields, "get"> | undefined,
): boolean {
  switch (format) {
    case "anthropic": {
      const thinking = body?.get("thinking");
      if (isRecord(thinking)) return thinking.type !== "disabled";
      return !areAll(models, quietClaude);
    }
    case "gemini":
      return models.length === 0 || models.some((model) => mayThink(model, body));
    case "openai":
    case "openai-responses":
      return !(factsOf(kind).hasMakersModels && areAll(models, plainOpenAi));
  }
}

const areAll = (models: readonly string[], names: RegExp): boolean =>
  models.length > 0 && models.every((model) => names.test(model));

/**
 * How the provider's bill may exceed what the answer shows, by the format, the provider, the models and what the body
 * asks for.
 */
export function hiddenCost(
  format: UsageFormat,
  kind: ProviderKind,
  models: readonly string[],
  body: Pick<BodyFields, "get"> | undefined,
): HiddenCost {
  switch (format) {
    case "anthropic":
      return { output: mayReason(format, kind, models, body), calls: !streamsCalls(body), input: false };
    case "gemini":
      return { output: true, calls: false, input: !callsClientOnly(body?.get("tools")) };
    case "openai":
    case "openai-responses":
      // A predicted answer's rejected tokens are billed, and not streamed.
      return { output: mayReason(format, kind, models, body) || predicts(body), calls: false, input: true };
  }
}

/**
 * Whether the request carries OpenAI's predicted output, of which rejected tokens are billed:
 * https://platform.openai.com/docs/guides/predicted-outputs
 */
export const predicts = (body: Pick<BodyFields, "get"> | undefined): boolean => isSetValue(body?.get("prediction"));

/** https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming */
function streamsCalls(body: Pick<BodyFields, "get"> | undefined): boolean {
  const tools = list(body?.get("tools"));
  const areEager = tools.every((tool) => isRecord(tool) && tool.eager_input_streaming === true);
  return tools.length > 0 && areEager && !list(body?.get("messages")).some(mayAddTools);
}

const mayAddTools = (message: unknown): boolean =>
  isRecord(message) &&
  [message.content].flat().some((block) => isRecord(block) && /^(tool_addition|compaction)$/.test(textOf(block.type)));

function mayThink(model: string, body: Pick<BodyFields, "get"> | undefined): boolean {
  if (plainGemini.test(model)) return false;
  const config = body?.get("generationConfig");
  const thinking = isRecord(config) ? (config.thinkingConfig ?? config.thinking_config) : undefined;
  const budget = isRecord(thinking) ? (thinking.thinkingBudget ?? thinking.thinking_budget) : undefined;
  return !(budget === 0 && thinkingCanBeOff.test(model));
}

function callsClientOnly(tools: unknown): boolean {
  if (tools === undefined || tools === null) return true;
  return (
    Array.isArray(tools) &&
    tools.every(
      (tool) =>
        isRecord(tool) &&
        Object.keys(tool).every((key) => key === "functionDeclarations" || key === "function_declarations"),
    )
  );
}
