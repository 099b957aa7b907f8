import { isRecord } from "../../domain/is-record.ts";
import { readShape } from "../shared/account.ts";
import { type BodyFields, boundField, countField, isSet, isSetValue, list } from "../shared/body-fields.ts";
import { hostedTools } from "../shared/hosted-tools.ts";
import type { ImageRule } from "../shared/image-rules.ts";
import { createMediaCounter } from "../shared/media-tokens.ts";
import type { Shape } from "../shared/shape.ts";
import { toolPromptTokens } from "../shared/tool-prompt.ts";
import type { Reading, ReadLimits, RequestReading } from "../shared/wire.ts";

/** The differences between the services that speak OpenAI's shape. */
export interface OpenAiDialect {
  /** The field that bounds a chat's answer wherever this is spoken. */
  chatCap: "max_completion_tokens" | "max_tokens";
  /** Names of models that bring in what the request does not hold. */
  unboundedModel?: RegExp;
  /** The rule by the models that the request names. */
  image(models: readonly string[]): ImageRule;
  /** Fields of no list that steer the service itself: its upstream, its keys. Never forwarded. */
  steers?: RegExp;
  /** Whether token counts and moderations cost nothing there. */
  free?: boolean;
  /** Whether a stream tells its usage unasked, to whichever client. */
  tellsUsage?: boolean;
  /** Whether models' own templates may print the tools. */
  templates?: boolean;
}

/** A template's own words around the tools, and LiteLLM's tool for an answer's format. */
const toolPrompt = (body: BodyFields, dialect: OpenAiDialect): number =>
  dialect.templates &&
  (["tools", "functions", "response_format"].some((name) => isSet(body, name)) || hasFormat(body.get("text")))
    ? toolPromptTokens
    : 0;

const isPlainText = (format: unknown): boolean => isRecord(format) && format.type === "text";
/** A response's `text` may tell no more than how long it is to be. */
const hasFormat = (text: unknown): boolean => isRecord(text) && isSetValue(text.format) && !isPlainText(text.format);

type Input = Pick<RequestReading, "models" | "inputBeyondBytes" | "media" | "hosted" | "unbounded">;

function askedModels(body: BodyFields): string[] {
  const model = body.get("model");
  const asked = typeof model === "string" ? [model] : [];
  for (const name of list(body.get("models"))) if (typeof name === "string") asked.push(name);
  return asked;
}

function readInput(
  body: BodyFields,
  limits: ReadLimits,
  dialect: OpenAiDialect,
  shape: Shape,
): Input | { fault: string } {
  const media = createMediaCounter(limits.mediaReferenceTokens, dialect.image(askedModels(body)));
  const { steers, templates } = dialect;
  const account = readShape(body, shape, media, { steers, templates, boundedFields: limits.boundedFields });
  if (account.fault !== undefined) return { fault: account.fault };
  const models = [...account.models];
  // LiteLLM asks each model of such a list, and each conversation of a list of them, as a request of its own.
  const several = models.find((name) => name.includes(","));
  if (several !== undefined) return { fault: `"${several.slice(0, 128)}" names several models; ask one at a time` };
  if (list(body.get("messages")).some(Array.isArray)) {
    return { fault: "messages holds several conversations; send one at a time" };
  }
  const open = models.find((name) => dialect.unboundedModel?.test(name));
  return {
    models,
    inputBeyondBytes: media.beyond + account.beyond + toolPrompt(body, dialect),
    media,
    hosted: hostedTools(body, account.hostedTools),
    unbounded:
      open === undefined ? account.unbounded : `the model "${open.slice(0, 128)}" reads what the request does not hold`,
  };
}

/**
 * Reads chat and legacy completions. The higher of `max_tokens` and `max_completion_tokens` bounds each of `n` or
 * `best_of` answers, since a service may go by either.
 */
export const readChat =
  (dialect: OpenAiDialect, shape: Shape) =>
  (body: BodyFields, limits: ReadLimits): Reading => {
    // Services that take 0 or less for "no bound" (llama.cpp, Ollama) are behind some addresses.
    const older = boundField(body, "max_tokens", 1);
    if ("fault" in older) return older;
    const newer = boundField(body, "max_completion_tokens", 1);
    if ("fault" in newer) return newer;
    const n = countField(body, "n", 1);
    if ("fault" in n) return n;
    const bestOf = countField(body, "best_of", 1);
    if ("fault" in bestOf) return bestOf;
    const input = readInput(body, limits, dialect, shape);
    if ("fault" in input) return input;
    const options = body.open("stream_options");
    if ("fault" in options) return options;
    const asked = options.body.get("include_usage") === true;
    const streamOptions = body.get("stream_options");
    const stated = Math.max(older.count ?? 0, newer.count ?? 0);
    const outputBound = stated === 0 ? undefined : stated;
    const renames = dialect.chatCap === "max_tokens" && outputBound !== undefined && older.count === undefined;
    return {
      ...input,
      outputBound,
      answers: Math.max(1, n.count ?? 1, bestOf.count ?? 1),
      added:
        body.get("stream") === true && !asked && !dialect.tellsUsage
          ? { stream_options: { ...(isRecord(streamOptions) && streamOptions), include_usage: true } }
          : undefined,
      wantsUsage: asksOpenRouter(body.get("usage")),
      // Ollama and others know the older name only. Both at once would be refused (OpenAI behind LiteLLM, Volcengine).
      restated: renames ? { max_tokens: outputBound, max_completion_tokens: undefined } : openBounds(body),
      cap: (tokens) => ({ [dialect.chatCap]: tokens }),
    };
  };

/** `usage: {include: true}`, as OpenRouter's own SDK says it to any service. */
const asksOpenRouter = (usage: unknown): boolean => isRecord(usage) && usage.include === true;

/** Wherever one of them is no bound, it must not stand beside one. */
function openBounds(body: BodyFields): Record<string, undefined> | undefined {
  const older = body.get("max_tokens") === -1;
  const newer = body.get("max_completion_tokens") === -1;
  if (!older && !newer) return undefined;
  return { ...(older && { max_tokens: undefined }), ...(newer && { max_completion_tokens: undefined }) };
}

/** Reads a request of the Responses API, of which `max_output_tokens` bounds the answer with its reasoning. */
export const readResponses =
  (dialect: OpenAiDialect, shape: Shape) =>
  (body: BodyFields, limits: ReadLimits): Reading => {
    const bound = boundField(body, "max_output_tokens", 1);
    if ("fault" in bound) return bound;
    const input = readInput(body, limits, dialect, shape);
    if ("fault" in input) return input;
    const cache = body.get("prompt_cache_options");
    return {
      ...input,
      outputBound: bound.count,
      answers: 1,
      fillsCache: isRecord(cache) && cache.prewarm === true,
      cap: (tokens) => ({ max_output_tokens: tokens }),
    };
  };

/** Reads a request that writes no tokens: its input is all that it costs. */
export const readEmbeddings =
  (dialect: OpenAiDialect, shape: Shape) =>
  (body: BodyFields, limits: ReadLimits): Reading => {
    const input = readInput(body, limits, dialect, shape);
    if ("fault" in input) return input;
    return { ...input, outputBound: 0, answers: 1, cap: () => ({}) };
  };
