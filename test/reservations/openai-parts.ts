import fc from "fast-check";
import type * as Chat from "openai/resources/chat/completions";
import type * as Responses from "openai/resources/responses/responses";
import { mediaReferenceTokens } from "./check.ts";
import { images, sixteenths } from "./images.ts";
import { type Cost, either, harmless, listOf, object, type Piece, piece, unbounded } from "./piece.ts";
import { jsonObjects, jsonSchemas, names, strings, texts } from "./texts.ts";
import { normalizedBeyond, pythonJson, type Tokenizer } from "./tokenizers.ts";

type Of<T> = fc.Arbitrary<Piece<T>>;

/** How one service that speaks OpenAI's shape counts. */
export interface Counting {
  text: Tokenizer;
  image(width: number, height: number): number;
  /** Whether patches of 16 x 16 may be held for. */
  images16: boolean;
  /** Tokens of a tool's definition. */
  tool(tool: Record<string, unknown>): number;
  /** The tokens that may be held for a template's text of a value, beyond its bytes. */
  printed(value: unknown): number;
  /** A template's words about tools. */
  toolPrompt: number;
}

const url = "https://example.com/a.png";
const named: Cost = { tokens: mediaReferenceTokens, allowance: mediaReferenceTokens };
/** The marks around a turn; https://github.com/openai/openai-cookbook/blob/main/examples/How_to_count_tokens_with_tiktoken.ipynb */
const frame = (): Cost => ({ tokens: 5 });

/** OpenAI's own count of a function, from the same page. */
export function functionTokens(count: Tokenizer, { name, description, parameters }: Record<string, unknown>): number {
  let tokens = 7 + count(`${name}:${description ?? ""}`) + 12;
  const properties = (parameters as { properties?: Record<string, Record<string, unknown>> })?.properties ?? {};
  if (Object.keys(properties).length > 0) tokens += 3;
  for (const [key, { type, description: about, enum: choices }] of Object.entries(properties)) {
    tokens += 3 + count(`${key}:${type}:${about ?? ""}`);
    if (Array.isArray(choices) && choices.every((choice) => typeof choice === "string")) {
      tokens += choices.reduce((sum, choice) => sum + 3 + count(choice), -3);
    }
  }
  return tokens;
}

export function openAiParts(counting: Counting) {
  const text = texts(counting.text);
  const name = names.map((value) => piece(value, { tokens: counting.text(value) }));
  const anObject = jsonObjects(counting.text);
  const schema = jsonSchemas(() => 0);
  /** A call's arguments are a text, which some templates read and write again. */
  const callArguments = anObject.map(({ json, tokens, allowance }) =>
    piece(JSON.stringify(json), { tokens, allowance: allowance + counting.printed(JSON.stringify(json)) }),
  );
  const dataUrl = images.map(({ data, mediaType, size }) => {
    const tokens = size ? counting.image(...size) : mediaReferenceTokens;
    const allowance = Math.max(tokens * 1.1 + 64, size && counting.images16 ? sixteenths(...size) : 0);
    return piece(`data:${mediaType};base64,${data}`, { tokens, allowance });
  });
  const imageUrl = either(dataUrl, fc.constant(piece(url, named)));
  const pdf = "data:application/pdf;base64,JVBERi0xLjc=";

  const textPart = object<Chat.ChatCompletionContentPartText>({ type: "text", text });
  const part = either<Chat.ChatCompletionContentPart>(
    textPart,
    object<Chat.ChatCompletionContentPartImage>({
      type: "image_url",
      image_url: imageUrl.map((one) => ({ ...one, json: { url: one.json, detail: "high" as const } })),
    }),
    fc.constantFrom(
      piece<Chat.ChatCompletionContentPart>(
        { type: "input_audio", input_audio: { data: "AAAA", format: "wav" } },
        named,
      ),
      piece<Chat.ChatCompletionContentPart>({ type: "file", file: { file_id: "file-1" } }, named),
      piece<Chat.ChatCompletionContentPart>({ type: "file", file: { filename: "a.pdf", file_data: pdf } }, named),
    ),
  );
  const toolCall = object<Chat.ChatCompletionMessageFunctionToolCall>(
    {
      id: "call_1",
      type: "function",
      function: object<Chat.ChatCompletionMessageFunctionToolCall.Function>({ name, arguments: callArguments }),
    },
    [],
    () => ({
      tokens: 5,
      allowance: counting.printed({ id: "call_1", type: "function", function: { name: "" } }) + 200,
    }),
  );
  const message = either<Chat.ChatCompletionMessageParam>(
    object<Chat.ChatCompletionUserMessageParam>(
      {
        role: "user",
        content: either<Chat.ChatCompletionUserMessageParam["content"]>(text, listOf(part)) as Of<never>,
        name,
      },
      ["name"],
      frame,
    ),
    object<Chat.ChatCompletionSystemMessageParam>({ role: "system", content: text as Of<never> }, [], frame),
    object<Chat.ChatCompletionAssistantMessageParam>(
      { role: "assistant", content: text as Of<never>, refusal: text, tool_calls: listOf(toolCall, 1, 2) as Of<never> },
      ["content", "refusal", "tool_calls"],
      frame,
    ),
    object<Chat.ChatCompletionToolMessageParam>(
      { role: "tool", tool_call_id: "call_1", content: text as Of<never> },
      [],
      frame,
    ),
    fc.constant(
      piece<Chat.ChatCompletionMessageParam>(
        { role: "assistant", audio: { id: "audio_1" } },
        {
          tokens: mediaReferenceTokens + 5,
          allowance: mediaReferenceTokens,
        },
      ),
    ),
  );

  const functions = fc
    .record(
      { name: names, description: strings, parameters: schema.map(({ json }) => json) },
      { requiredKeys: ["name"] },
    )
    .map((definition) => definition as Record<string, unknown>);
  const chatTool: Of<Chat.ChatCompletionTool> = functions.map((definition) => {
    const tool = { type: "function", function: definition };
    return piece(tool as unknown as Chat.ChatCompletionTool, {
      tokens: counting.tool(tool),
      allowance: counting.printed(tool) + normalizedBeyond(JSON.stringify(tool)),
    });
  });
  const withPrompt = <T>(list: Of<T[]>): Of<T[]> =>
    list.map((one) => ({ ...one, allowance: one.allowance + counting.toolPrompt }));

  /** Beyond the chat's: items of a conversation, and what is stored at OpenAI. */
  const inputPart = either<Responses.ResponseInputContent>(
    object<Responses.ResponseInputText>({ type: "input_text", text }),
    object<Responses.ResponseInputImage>({ type: "input_image", detail: "high", image_url: imageUrl }),
    fc.constantFrom(
      piece<Responses.ResponseInputContent>({ type: "input_image", detail: "auto", file_id: "file-1" }, named),
      piece<Responses.ResponseInputContent>({ type: "input_file", file_id: "file-1" }, named),
      piece<Responses.ResponseInputContent>({ type: "input_file", file_url: url }, named),
      piece<Responses.ResponseInputContent>({ type: "input_file", filename: "a.pdf", file_data: pdf }, named),
    ),
  );
  const item = either<Responses.ResponseInputItem>(
    object<Responses.EasyInputMessage>(
      {
        role: "user",
        content: either<string | Responses.ResponseInputContent[]>(text, listOf(inputPart)) as Of<never>,
      },
      [],
      frame,
    ),
    object<Responses.ResponseFunctionToolCall>(
      { type: "function_call", call_id: "call_1", name, arguments: callArguments },
      [],
      () => ({ tokens: 5, allowance: 200 }),
    ),
    object<Responses.ResponseInputItem.FunctionCallOutput>(
      {
        type: "function_call_output",
        call_id: "call_1",
        output: either<string | Responses.ResponseInputContent[]>(text, listOf(inputPart)) as Of<never>,
      },
      [],
      frame,
    ),
    object<Responses.ResponseCustomToolCallOutput>(
      {
        type: "custom_tool_call_output",
        call_id: "call_1",
        output: either<string | Responses.ResponseInputContent[]>(text, listOf(inputPart)) as Of<never>,
      },
      [],
      frame,
    ),
    fc.constantFrom(
      piece<Responses.ResponseInputItem>({ type: "reasoning", id: "rs_1", summary: [] }, named),
      piece<Responses.ResponseInputItem>(
        { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "AAAA" },
        { allowance: mediaReferenceTokens },
      ),
    ),
  );
  const storedItem = either<Responses.ResponseInputItem>(
    unbounded<Responses.ResponseInputItem>({ type: "item_reference", id: "msg_1" }),
    unbounded<Responses.ResponseInputItem>({ id: "msg_1" } as Responses.ResponseInputItem),
    unbounded<Responses.ResponseInputItem>({
      type: "additional_tools",
      role: "developer",
      tools: [{ type: "web_search" }],
    }),
  );
  const responsesTool: Of<Responses.Tool> = either<Responses.Tool>(
    functions.map((definition) => {
      const tool = { type: "function", strict: null, parameters: {}, ...definition };
      return piece(tool as unknown as Responses.Tool, {
        tokens: counting.tool({ type: "function", function: definition }),
        allowance: counting.printed(tool) + normalizedBeyond(JSON.stringify(tool)),
      });
    }),
    fc.constantFrom(
      piece<Responses.Tool>({ type: "local_shell" }, { allowance: 1_600 }),
      piece<Responses.Tool>({ type: "apply_patch" }, { allowance: 1_600 }),
    ),
  );
  const hostedTool = either<Responses.Tool>(
    unbounded<Responses.Tool>({ type: "web_search" }),
    unbounded<Responses.Tool>({ type: "file_search", vector_store_ids: ["vs_1"] }),
    unbounded<Responses.Tool>({ type: "code_interpreter", container: "cntr_1" }),
    unbounded<Responses.Tool>({ type: "image_generation" }),
    unbounded<Responses.Tool>({ type: "mcp", server_label: "x", server_url: url }),
  );

  const bound = fc.integer({ min: 16, max: 64_000 });
  return { text, schema, message, chatTool, withPrompt, item, storedItem, responsesTool, hostedTool, bound, harmless };
}

/** As most templates write it, and as Llama's does. */
export const templatePrinted = (count: Tokenizer, value: unknown): number =>
  Math.max(count(pythonJson(value)), count(pythonJson(value, 4)));
