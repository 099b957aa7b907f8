import type { ImageRule } from "./image-rules.ts";
import { mediaTokens } from "./media.ts";
import { namedModels } from "./named-models.ts";
import { toolPromptTokens } from "./tool-prompt.ts";
import { type BodyFields, countField, isRecord, isSet, list, type MediaLimits, type Reading } from "./wire.ts";

/** What differs between the services that speak OpenAI's shape. */
export interface OpenAiDialect {
  /** The field that bounds a chat's answer wherever this is spoken. */
  chatCap: "max_completion_tokens" | "max_tokens";
  /** Further fields under which tokens are spent that the request does not bound. */
  unbounded: readonly string[];
  /** Names of models that bring in what the request does not hold. */
  unboundedModel?: RegExp;
  /** By the models that the request names. */
  image(models: readonly string[]): ImageRule;
  /** Fields that steer the service itself: its upstream, its keys. Never forwarded. */
  refused: readonly string[];
}

/** Run by the client: their definitions are the provider's own and not in the body. */
const clientTools = new Set(["local_shell", "apply_patch", "computer_use_preview", "computer"]);
const clientToolTokens = 1_536;

export const chatFields = [
  ...["model", "models", "messages", "tools", "stream", "stream_options", "n", "best_of"],
  ...["max_tokens", "max_completion_tokens", "max_output_tokens", "web_search_options", "include_usage"],
];
/** The bounds of a chat, which LiteLLM makes of these requests for most providers. */
const chatBounds = ["max_tokens", "max_completion_tokens", "n", "best_of"];
export const responsesFields = [
  ...["model", "models", "input", "instructions", "tools", "stream", "max_output_tokens", "background"],
  ...["previous_response_id", "conversation", "prompt", "context_management"],
  ...chatBounds,
];
export const embeddingFields = ["model", "models", "input", "messages"];

interface Tools {
  beyond: number;
  hosted?: string;
}

function readTools(tools: unknown): Tools {
  let beyond = 0;
  for (const tool of list(tools)) {
    if (!isRecord(tool)) continue;
    const type = String(tool.type ?? "function");
    if (type === "function" || type === "custom") continue;
    if (clientTools.has(type)) beyond += clientToolTokens;
    else if (type === "namespace") {
      const inner = readTools(tool.tools);
      if (inner.hosted !== undefined) return inner;
      beyond += inner.beyond;
    } else {
      const hosted = `the tool "${type.slice(0, 64)}" runs at the provider and reads what the request does not hold`;
      return { beyond, hosted };
    }
  }
  return { beyond };
}

/** Claude behind a service that speaks OpenAI's shape. */
const toolPrompt = (body: BodyFields, models: readonly string[]): number =>
  isSet(body, "tools") && models.some((model) => /claude|anthropic/i.test(model)) ? toolPromptTokens : 0;

function firstSet(
  body: BodyFields,
  dialect: OpenAiDialect,
  models: readonly string[],
  own: readonly string[],
): string | undefined {
  const model = models.find((name) => dialect.unboundedModel?.test(name));
  if (model !== undefined) return `the model "${model.slice(0, 128)}" reads what the request does not hold`;
  // Until 0.11.1 vLLM took any argument of its templating from here, another template among them (CVE-2025-62426).
  const template = body.get("chat_template_kwargs");
  const isOwn = isRecord(template) && "chat_template" in template;
  const name = isOwn ? "chat_template" : [...own, ...dialect.unbounded].find((field) => isSet(body, field));
  return name === undefined ? undefined : `${name} leaves open what the request may cost`;
}

function refusedField(body: BodyFields, dialect: OpenAiDialect): { fault: string } | undefined {
  const name = dialect.refused.find((field) => isSet(body, field));
  return name === undefined ? undefined : { fault: `${name} cannot be set through this proxy` };
}

export const readChat =
  (dialect: OpenAiDialect) =>
  (body: BodyFields, limits: MediaLimits): Reading => {
    // Services that take 0 or less for "no bound" (llama.cpp, Ollama) are behind some addresses.
    const older = countField(body, "max_tokens", 1);
    const bounds = [older, countField(body, "max_completion_tokens", 1)];
    const answers = [countField(body, "n", 1), countField(body, "best_of", 1)];
    for (const field of [...bounds, ...answers]) if ("fault" in field) return field;
    const refused = refusedField(body, dialect);
    if (refused) return refused;
    const counts = (fields: typeof bounds) => fields.flatMap((field) => ("count" in field ? (field.count ?? []) : []));
    const options = body.open("stream_options");
    if ("fault" in options) return options;
    const tools = readTools(body.get("tools"));
    const models = namedModels(body);
    const asked = options.body.get("include_usage") === true;
    const streamOptions = body.get("stream_options");
    const outputBound = counts(bounds).reduce<number | undefined>(
      (most, count) => Math.max(most ?? 0, count),
      undefined,
    );
    const renames = dialect.chatCap === "max_tokens" && outputBound !== undefined && counts([older]).length === 0;
    return {
      models,
      inputBeyondBytes:
        tools.beyond +
        toolPrompt(body, models) +
        mediaTokens([body.get("messages")], limits.mediaReferenceTokens, dialect.image(models)),
      outputBound,
      answers: Math.max(1, ...counts(answers)),
      unbounded:
        tools.hosted ??
        // Gemini's name for the bound, which LiteLLM hands on.
        firstSet(body, dialect, models, ["web_search_options", "max_output_tokens"]),
      added:
        body.get("stream") === true && !asked
          ? { stream_options: { ...(isRecord(streamOptions) && streamOptions), include_usage: true } }
          : undefined,
      // Ollama and others know the older name only. Both at once would be refused (OpenAI behind LiteLLM, Volcengine).
      restated: renames ? { max_tokens: outputBound, max_completion_tokens: undefined } : undefined,
      cap: (tokens) => ({ [dialect.chatCap]: tokens }),
    };
  };

export const readResponses =
  (dialect: OpenAiDialect) =>
  (body: BodyFields, limits: MediaLimits): Reading => {
    const bound = countField(body, "max_output_tokens", 1);
    if ("fault" in bound) return bound;
    const refused = refusedField(body, dialect);
    if (refused) return refused;
    const tools = readTools(body.get("tools"));
    const models = namedModels(body);
    const input = body.get("input");
    const items = readItems(input, limits);
    return {
      models,
      inputBeyondBytes:
        tools.beyond +
        toolPrompt(body, models) +
        items.beyond +
        mediaTokens([input], limits.mediaReferenceTokens, dialect.image(models)),
      outputBound: bound.count,
      answers: 1,
      unbounded:
        tools.hosted ??
        items.stored ??
        firstSet(body, dialect, models, [
          "background",
          "previous_response_id",
          "conversation",
          "prompt",
          "context_management",
          ...chatBounds,
        ]),
      cap: (tokens) => ({ max_output_tokens: tokens }),
    };
  };

/** Input items may stand for what the provider has stored. */
function readItems(input: unknown, limits: MediaLimits): { beyond: number; stored?: string } {
  let beyond = 0;
  for (const item of list(input)) {
    if (!isRecord(item)) continue;
    const bare = item.type === undefined && item.role === undefined;
    if (item.type === "item_reference" || bare) {
      return { beyond, stored: "a reference to a stored item stands for input that the request does not hold" };
    }
    // Reasoning without its content is looked up by its id.
    if (item.type === "reasoning" && typeof item.encrypted_content !== "string") beyond += limits.mediaReferenceTokens;
  }
  return { beyond };
}

export const readEmbeddings =
  (dialect: OpenAiDialect) =>
  (body: BodyFields, limits: MediaLimits): Reading => {
    const refused = refusedField(body, dialect);
    if (refused) return refused;
    const models = namedModels(body);
    return {
      models,
      // vLLM embeds a chat's messages too.
      inputBeyondBytes: mediaTokens(
        [body.get("input"), body.get("messages")],
        limits.mediaReferenceTokens,
        dialect.image(models),
      ),
      outputBound: 0,
      answers: 1,
      unbounded: firstSet(body, dialect, models, []),
      cap: () => ({}),
    };
  };
