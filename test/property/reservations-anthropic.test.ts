/** The SDK's beta types hold every field and block of its other types. */
import type * as Beta from "@anthropic-ai/sdk/resources/beta/messages";
import fc from "fast-check";
import { it } from "vitest";
import { anthropicWire as anthropic } from "../../src/providers/anthropic/wire.ts";
import { checkReservations, mediaReferenceTokens, runsOfField } from "../reservations/check.ts";
import { claudeImages, images } from "../reservations/images.ts";
import { type Cost, either, harmless, listOf, object, type Piece, piece, unbounded } from "../reservations/piece.ts";
import { jsonObjects, jsonSchemas, names, strings, texts } from "../reservations/texts.ts";
import { claudeTokens, normalizedBeyond, pythonJson } from "../reservations/tokenizers.ts";

type Of<T> = fc.Arbitrary<Piece<T>>;
type Block = Beta.BetaContentBlockParam;

const url = "https://example.com/a.png";
const text = texts(claudeTokens);
const name = names.map((value) => piece(value, { tokens: claudeTokens(value) }));
const schema = jsonSchemas((value) => claudeTokens(pythonJson(value))) as Of<Beta.BetaTool.InputSchema>;
const anObject = jsonObjects(claudeTokens);
const named: Cost = { tokens: mediaReferenceTokens, allowance: mediaReferenceTokens };
const cache: Of<Beta.BetaCacheControlEphemeral> = harmless({ type: "ephemeral" }, { type: "ephemeral", ttl: "1h" });
/** The marks around a turn or a block. */
const frame = (): Cost => ({ tokens: 5 });

const textBlock = object<Beta.BetaTextBlockParam>({ type: "text", text, cache_control: cache }, ["cache_control"]);

const carriedImage: Of<Beta.BetaBase64ImageSource> = images.map(({ data, mediaType, size }) => {
  const tokens = size ? claudeImages(...size) : mediaReferenceTokens;
  return piece({ type: "base64", media_type: mediaType, data }, { tokens, allowance: tokens * 1.1 + 64 });
});
const imageBlock = object<Beta.BetaImageBlockParam>({
  type: "image",
  source: either<Beta.BetaImageBlockParam["source"]>(
    carriedImage,
    fc.constant(piece({ type: "url", url }, named)),
    fc.constant(piece({ type: "file", file_id: "file_1" }, named)),
    // Its `type` decides, whatever else it carries.
    images.map(({ data, mediaType }) =>
      piece({ type: "url", url, media_type: mediaType, data } as Beta.BetaURLImageSource, {
        ...named,
        mayBeRefused: true,
      }),
    ),
  ),
});

const searchResult = object<Beta.BetaSearchResultBlockParam>(
  { type: "search_result", title: text, source: text, content: listOf(textBlock) },
  [],
  frame,
);
const documentBlock = object<Beta.BetaRequestDocumentBlock>(
  {
    type: "document",
    title: text,
    context: text,
    source: either<Beta.BetaRequestDocumentBlock["source"]>(
      fc.constant(piece({ type: "base64", media_type: "application/pdf", data: "JVBERi0xLjc=" }, named)),
      fc.constant(piece({ type: "url", url }, named)),
      fc.constant(piece({ type: "file", file_id: "file_1" }, named)),
      object<Beta.BetaPlainTextSource>({ type: "text", media_type: "text/plain", data: text }),
      object<Beta.BetaContentBlockSource>({
        type: "content",
        content: either<Beta.BetaContentBlockSource["content"]>(
          text,
          listOf(either<Beta.BetaContentBlockSourceContent>(textBlock, imageBlock)),
        ),
      }),
    ),
  },
  ["title", "context"],
  frame,
);
const toolResult = object<Beta.BetaToolResultBlockParam>(
  {
    type: "tool_result",
    tool_use_id: "toolu_1",
    content: either<NonNullable<Beta.BetaToolResultBlockParam["content"]>>(
      text,
      listOf(
        either<Beta.BetaTextBlockParam | Beta.BetaImageBlockParam | Beta.BetaSearchResultBlockParam>(
          textBlock,
          imageBlock,
          searchResult,
        ),
      ),
    ),
  },
  ["content"],
  frame,
);
const ownTool = object<Beta.BetaTool>(
  { name, description: text, input_schema: schema, cache_control: cache, strict: true },
  ["description", "cache_control", "strict"],
  frame,
);
/** https://platform.claude.com/docs/en/agents-and-tools/tool-use: what their definitions and instructions cost. */
const clientTools: Of<Beta.BetaToolUnion> = fc.constantFrom(
  piece<Beta.BetaToolUnion>({ type: "bash_20250124", name: "bash" }, { tokens: 245, allowance: 1_536 }),
  piece<Beta.BetaToolUnion>(
    { type: "text_editor_20250728", name: "str_replace_based_edit_tool" },
    { tokens: 700, allowance: 1_536 },
  ),
  piece<Beta.BetaToolUnion>(
    { type: "computer_20250124", name: "computer", display_width_px: 1_024, display_height_px: 768 },
    { tokens: 735 + 499, allowance: 1_536 },
  ),
);
const hostedTools: Of<Beta.BetaToolUnion> = either<Beta.BetaToolUnion>(
  unbounded({ type: "web_search_20260318", name: "web_search" }),
  unbounded({ type: "web_fetch_20260318", name: "web_fetch" }),
  unbounded({ type: "code_execution_20260521", name: "code_execution" }),
  unbounded({ type: "advisor_20260301", name: "advisor", model: "claude-opus-4-5" }),
  unbounded({ type: "mcp_toolset", mcp_server_name: "x" }),
);
/** The text that tells Claude to use tools: https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview */
const toolPrompt = { tokens: 530, allowance: 600 };
const tools = (one: Of<Beta.BetaToolUnion>): Of<Beta.BetaToolUnion[]> =>
  listOf(one, 1, 3).map((list) => ({
    ...list,
    tokens: list.tokens + toolPrompt.tokens,
    allowance: list.allowance + toolPrompt.allowance,
  }));

const toolAddition = (definition: Of<Beta.BetaToolUnion>): Of<Block> =>
  object<Beta.BetaRequestToolAdditionBlock>(
    {
      type: "tool_addition",
      tool: object<Beta.BetaToolChangeToolDefinitionParam>({
        type: "tool_definition",
        definition: definition as Of<Beta.BetaToolChangeToolDefinitionParam["definition"]>,
      }),
    },
    [],
    () => ({ ...toolPrompt, mayBeRefused: true }),
  );

const honestBlocks = either<Block>(
  textBlock,
  imageBlock,
  documentBlock,
  searchResult,
  toolResult,
  object<Beta.BetaThinkingBlockParam>({ type: "thinking", thinking: text, signature: "c2ln" }),
  object<Beta.BetaRedactedThinkingBlockParam>({ type: "redacted_thinking", data: "c2ln" }),
  object<Beta.BetaToolUseBlockParam>({ type: "tool_use", id: "toolu_1", name, input: anObject }, [], frame),
  object<Beta.BetaServerToolUseBlockParam>({ type: "server_tool_use", id: "x", name: "web_search", input: anObject }),
);
const oddBlocks = either<Block>(
  toolAddition(ownTool),
  toolAddition(hostedTools),
  fc.constant(piece<Block>({ type: "container_upload", file_id: "file_1" }, named)),
  object<Beta.BetaCompactionBlockParam>({ type: "compaction", content: text }),
);

const message = object<{ role: Beta.BetaMessageParam["role"]; content: Beta.BetaMessageParam["content"] }>(
  {
    role: harmless<Beta.BetaMessageParam["role"]>("user", "assistant"),
    content: either<Beta.BetaMessageParam["content"]>(
      text,
      listOf(fc.oneof({ weight: 12, arbitrary: honestBlocks }, { weight: 1, arbitrary: oddBlocks })),
    ) as Of<string & Block[]>,
  },
  [],
  frame,
);

const format = schema.map((one) =>
  piece<Beta.BetaJSONOutputFormat>(
    { type: "json_schema", schema: one.json as Record<string, unknown> },
    { tokens: one.tokens, allowance: one.allowance + toolPrompt.allowance },
  ),
);
const outputBound = fc.integer({ min: 1, max: 64_000 }).map((json) => piece(json, { tokens: json, allowance: json }));

type Params = Beta.MessageCreateParams;

const honest = {
  model: harmless<Params["model"]>("claude-sonnet-4-5", "claude-opus-4-5"),
  max_tokens: outputBound,
  messages: listOf(message, 1, 3),
  system: either<NonNullable<Params["system"]>>(text, listOf(textBlock)) as Of<string & Beta.BetaTextBlockParam[]>,
  tools: tools(either<Beta.BetaToolUnion>(ownTool, clientTools)),
  tool_choice: harmless<NonNullable<Params["tool_choice"]>>({ type: "auto" }, { type: "any" }),
  metadata: harmless({ user_id: "x" }),
  stop_sequences: strings.map((stop) => piece([stop], { allowance: normalizedBeyond(stop) })),
  stream: harmless(true, false),
  // A budget above `max_tokens` is held besides.
  thinking: fc
    .constantFrom<NonNullable<Params["thinking"]>>({ type: "enabled", budget_tokens: 1_024 }, { type: "disabled" })
    .map((json) => piece(json, { allowance: 1_024 })),
  temperature: harmless(0, 0.5),
  service_tier: harmless<NonNullable<Params["service_tier"]>>("auto", "standard_only"),
  output_format: format,
  output_config: object<Beta.BetaOutputConfig>({ effort: "low", format }, ["effort", "format"], () => ({
    allowance: toolPrompt.allowance,
  })),
  context_management: harmless<NonNullable<Params["context_management"]>>({
    edits: [{ type: "clear_tool_uses_20250919" }],
  }),
};
const odd = {
  fallbacks: unbounded<NonNullable<Params["fallbacks"]>>([{ model: "claude-opus-4-5", max_tokens: 60_000 }]),
  thread: unbounded<NonNullable<Params["thread"]>>({
    type: "continue",
    previous_message_id: "msg_1",
  }),
  compaction: unbounded<NonNullable<Params["compaction"]>>({ type: "summarize" }),
  context_management: unbounded<NonNullable<Params["context_management"]>>({ edits: [{ type: "compact_20260112" }] }),
  container: unbounded<NonNullable<Params["container"]>>("container_1"),
  mcp_servers: unbounded<NonNullable<Params["mcp_servers"]>>([{ type: "url", url, name: "x" }]),
  tools: tools(hostedTools),
};

const required = ["model", "max_tokens", "messages"];
const optional = Object.keys(honest).filter((field) => !required.includes(field)) as (keyof Params & string)[];

it("reserves for Anthropic's messages at least what they cost, and hardly more than their bytes", () => {
  checkReservations(anthropic, "/v1/messages", object<Params>(honest as never, optional));
});

it.each(Object.entries(odd))("refuses Anthropic's %s, which nothing bounds", (field, value) => {
  const requests = object<Params>(
    { ...honest, [field]: value } as never,
    optional.filter((one) => one !== field),
  );
  checkReservations(anthropic, "/v1/messages", requests, runsOfField);
});
