import fc from "fast-check";
import type * as Chat from "openai/resources/chat/completions";
import type * as Responses from "openai/resources/responses/responses";
import { describe, it } from "vitest";
import { openaiWire as openai } from "../../src/providers/openai/wire.ts";
import { customWire as custom } from "../../src/providers/openai-compatible/wire.ts";
import { openrouterWire as openrouter } from "../../src/providers/openrouter/wire.ts";
import { printedBeyond } from "../../src/providers/shared/printed-json.ts";
import type { ProviderWire } from "../../src/providers/shared/wire.ts";
import { checkReservations, mediaReferenceTokens, runsOfField } from "../reservations/check.ts";
import { anyImages, dearTiles, openAiImages } from "../reservations/images.ts";
import { type Counting, functionTokens, openAiParts, templatePrinted } from "../reservations/openai-parts.ts";
import { either, harmless, listOf, object, type Piece, piece, unbounded } from "../reservations/piece.ts";
import { anyTokens, openAiTokens } from "../reservations/tokenizers.ts";

type Of<T> = fc.Arbitrary<Piece<T>>;

const openAiCounting: Counting = {
  text: openAiTokens,
  image: openAiImages,
  images16: false,
  tool: ({ function: definition }) => functionTokens(openAiTokens, definition as Record<string, unknown>),
  printed: () => 0,
  toolPrompt: 0,
};
const anyCounting: Counting = {
  text: anyTokens,
  image: anyImages,
  images16: true,
  tool: (tool) => templatePrinted(anyTokens, tool),
  printed: (value) => printedBeyond(value) ?? 0,
  toolPrompt: 600,
};

interface Service {
  wire: ProviderWire;
  base: string;
  model: string;
  counting: Counting;
}
const services: Record<string, Service> = {
  OpenAI: { wire: openai, base: "/v1", model: "gpt-6", counting: openAiCounting },
  "OpenAI's dearest tiles": {
    wire: openai,
    base: "/v1",
    model: "gpt-4o-mini",
    counting: { ...openAiCounting, image: (width, height) => Math.max(dearTiles(width, height), 48_169) },
  },
  OpenRouter: { wire: openrouter, base: "/api/v1", model: "anthropic/claude-sonnet-4.5", counting: anyCounting },
  "a custom base": { wire: custom, base: "/v1", model: "llama-3.3-70b", counting: anyCounting },
};

type ChatParams = Chat.ChatCompletionCreateParams;
type ResponsesParams = Responses.ResponseCreateParams;

describe.each(Object.entries(services))("%s", (_, { wire, base, model, counting }) => {
  const parts = openAiParts(counting);
  /** The bound of each answer, of which there are `n`. */
  const bounded = (field: string): Of<Record<string, number>> =>
    fc.tuple(parts.bound, fc.constantFrom(undefined, 1, 3)).map(([most, n]) => {
      const output = most * (n ?? 1);
      return piece({ [field]: most, ...(n === undefined ? {} : { n }) }, { tokens: output, allowance: output });
    });
  /** The bound's fields stand beside the others. */
  const spread = (requests: Of<{ bound: Record<string, number> }>): Of<unknown> =>
    requests.map(({ json: { bound, ...rest }, ...cost }) => ({ ...cost, json: { ...rest, ...bound } }));

  const chat = {
    model: harmless(model),
    bound: bounded("max_completion_tokens"),
    messages: listOf(parts.message, 1, 3),
    tools: parts.withPrompt(listOf(parts.chatTool, 1, 3)),
    tool_choice: harmless<NonNullable<ChatParams["tool_choice"]>>("auto", "required"),
    stream: harmless(true, false),
    temperature: harmless(0, 1),
    stop: harmless("x"),
    seed: harmless(7),
    user: harmless("x"),
    reasoning_effort: harmless("low"),
    parallel_tool_calls: harmless(true),
    response_format: parts.schema.map(({ json, allowance }) => {
      const format = { type: "json_schema", json_schema: { name: "x", schema: json } };
      return piece(format, { allowance: allowance + counting.printed(format) + 600 });
    }),
  };
  const optional = Object.keys(chat).filter((field) => !["model", "bound", "messages"].includes(field));
  const chats = (fields: object): Of<unknown> =>
    spread(object({ ...chat, ...fields } as never, optional.filter((field) => !(field in fields)) as never[]) as never);

  it("reserves for chats at least what they cost, and hardly more than their bytes", () => {
    checkReservations(wire, `${base}/chat/completions`, chats({}));
  });

  it.each([
    ["web_search_options", unbounded({})],
    [
      "messages",
      listOf(
        either<unknown>(
          parts.message,
          unbounded({ role: "user", content: [{ type: "image_url", image_url: null, uuid: "x" }] }).map((one) => ({
            ...one,
            tokens: mediaReferenceTokens,
            allowance: 2 * mediaReferenceTokens,
            mayBeRefused: true,
          })),
        ),
        1,
        3,
      ),
    ],
  ])("bounds or refuses a chat's %s that brings in what it does not hold", (field, value) => {
    checkReservations(wire, `${base}/chat/completions`, chats({ [field]: value }), runsOfField);
  });

  const responses = {
    model: harmless(model),
    bound: bounded("max_output_tokens").map(({ json, ...cost }) => {
      const most = json.max_output_tokens!;
      return { ...cost, json: { max_output_tokens: most }, tokens: most, allowance: most };
    }),
    input: either<NonNullable<ResponsesParams["input"]>>(parts.text, listOf(parts.item, 1, 3)),
    instructions: parts.text,
    tools: parts.withPrompt(listOf(parts.responsesTool, 1, 3)),
    stream: harmless(true, false),
    store: harmless(false),
    temperature: harmless(0, 1),
    reasoning: harmless({ effort: "low" }),
    include: harmless(["reasoning.encrypted_content"]),
    truncation: harmless("auto"),
    text: parts.schema.map(({ json, allowance }) => {
      const text = { format: { type: "json_schema", name: "x", schema: json } };
      return piece(text, { allowance: allowance + counting.printed(text) + counting.toolPrompt });
    }),
  };
  const others = Object.keys(responses).filter((field) => !["model", "bound", "input"].includes(field));
  const asked = (fields: object): Of<unknown> =>
    spread(
      object({ ...responses, ...fields } as never, others.filter((field) => !(field in fields)) as never[]) as never,
    );

  it("reserves for responses at least what they cost, and hardly more than their bytes", () => {
    checkReservations(wire, `${base}/responses`, asked({}));
  });

  it.each([
    ["previous_response_id", unbounded("resp_1")],
    ["conversation", unbounded("conv_1")],
    ["prompt", unbounded({ id: "pmpt_1" })],
    ["background", unbounded(true)],
    ["context_management", unbounded([{ type: "compaction", compact_threshold: 1_000 }])],
    ["multi_agent", unbounded({ enabled: true })],
    ["tools", listOf(parts.hostedTool, 1, 2)],
    ["input", listOf(parts.storedItem, 1, 2)],
  ])("refuses a response's %s, which nothing bounds", (field, value) => {
    checkReservations(wire, `${base}/responses`, asked({ [field]: value }), runsOfField);
  });

  it("reserves for embeddings at least what they cost, and hardly more than their bytes", () => {
    const tokenList = fc
      .array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 30 })
      .map((list) => piece<unknown>(list, { tokens: list.length }));
    const input = either<unknown>(parts.text, listOf(parts.text, 1, 4), tokenList);
    const fields = { model: harmless(model), input, dimensions: harmless(256), user: harmless("x") };
    checkReservations(
      wire,
      `${base}/embeddings`,
      object(fields as never, ["dimensions", "user"] as never[]) as Of<unknown>,
    );
  });
});
