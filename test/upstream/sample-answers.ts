/** The providers' recorded shapes: what an answer is made of, as JSON and as server-sent events. */

export interface SampleUsage {
  input: number;
  output: number;
  /** Anthropic's cache classes, Gemini's thoughts: counted beside the two above. */
  cacheCreation: number;
  cacheRead: number;
  thoughts: number;
  /** The other fields of the provider's report, or those with other values. */
  extra?: Record<string, unknown>;
}

export interface SampleRequest {
  api: "anthropic" | "openai" | "responses" | "embeddings" | "gemini" | "gemini-embed";
  model: string;
  stream: boolean;
  /** The first tool's name, where the request brought tools. */
  tool: string | undefined;
  /** The arguments of the call; default: a few characters that are hard to pack. */
  toolArguments?: Record<string, unknown>;
  /** Whether usage is told: a chat stream tells it only when asked. */
  tellsUsage: boolean;
}

export interface SampleEvent {
  event?: string;
  data: string;
}

const hardArguments = { city: "Wien", note: 'ü "quoted" \\ 🚀' };

export const textPieces = (count: number, size: number): string[] =>
  Array.from({ length: count }, (_, at) =>
    at % 3 === 2 ? "ü🚀 ".repeat(Math.ceil(size / 7)) : "word ".repeat(Math.ceil(size / 5)),
  );

const anthropicUsage = ({ input, output, cacheCreation, cacheRead, extra }: SampleUsage) => ({
  input_tokens: input,
  cache_creation_input_tokens: cacheCreation,
  cache_read_input_tokens: cacheRead,
  output_tokens: output,
  service_tier: "standard",
  ...extra,
});
const chatUsage = ({ input, output, extra }: SampleUsage) => ({
  prompt_tokens: input,
  completion_tokens: output,
  total_tokens: input + output,
  prompt_tokens_details: { cached_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0 },
  ...extra,
});
const responsesUsage = ({ input, output, extra }: SampleUsage) => ({
  input_tokens: input,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: output,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: input + output,
  ...extra,
});
const geminiUsage = ({ input, output, thoughts, extra }: SampleUsage) => ({
  promptTokenCount: input,
  candidatesTokenCount: output,
  thoughtsTokenCount: thoughts,
  totalTokenCount: input + output + thoughts,
  promptTokensDetails: [{ modality: "TEXT", tokenCount: input }],
  ...extra,
});

const optional = (key: string, value: unknown, told: boolean) => (told ? { [key]: value } : {});

export function jsonAnswer(request: SampleRequest, pieces: string[], usage: SampleUsage): unknown {
  const { api, model, tool, toolArguments = hardArguments, tellsUsage: told } = request;
  const text = pieces.join("");
  switch (api) {
    case "anthropic":
      return {
        id: "msg_sample_0001",
        type: "message",
        role: "assistant",
        model,
        content: tool
          ? [{ type: "tool_use", id: "toolu_sample_01", name: tool, input: toolArguments }]
          : [{ type: "text", text }],
        stop_reason: tool ? "tool_use" : "end_turn",
        stop_sequence: null,
        ...optional("usage", anthropicUsage(usage), told),
      };
    case "openai":
      return {
        id: "chatcmpl-sample-0001",
        object: "chat.completion",
        created: 1_790_000_000,
        model,
        choices: [
          {
            index: 0,
            message: tool
              ? { role: "assistant", content: null, tool_calls: [chatToolCall(tool, toolArguments)] }
              : { role: "assistant", content: text, refusal: null },
            logprobs: null,
            finish_reason: tool ? "tool_calls" : "stop",
          },
        ],
        ...optional("usage", chatUsage(usage), told),
        system_fingerprint: null,
      };
    case "responses":
      return responsesObject(request, "completed", text, usage);
    case "embeddings":
      return {
        object: "list",
        data: [{ object: "embedding", index: 0, embedding: [0.0123, -0.5, 1e-3] }],
        model,
        ...optional("usage", { prompt_tokens: usage.input, total_tokens: usage.input }, told),
      };
    case "gemini":
      return geminiChunk(request, [geminiPart(tool, text, toolArguments)], "STOP", usage);
    case "gemini-embed":
      return {
        embeddings: [{ values: [0.0123, -0.5, 1e-3] }],
        ...optional("usageMetadata", { promptTokenCount: usage.input }, told),
      };
  }
}

const chatToolCall = (name: string, toolArguments: Record<string, unknown>) => ({
  id: "call_sample_01",
  type: "function",
  function: { name, arguments: JSON.stringify(toolArguments) },
});
const geminiPart = (tool: string | undefined, text: string, toolArguments: Record<string, unknown>) =>
  tool ? { functionCall: { name: tool, args: toolArguments } } : { text };

function geminiChunk(request: SampleRequest, parts: unknown[], finishReason: string | undefined, usage: SampleUsage) {
  return {
    candidates: [{ content: { parts, role: "model" }, ...(finishReason && { finishReason }), index: 0 }],
    ...optional("usageMetadata", geminiUsage(usage), request.tellsUsage),
    modelVersion: request.model,
    responseId: "sample-response",
  };
}

function responsesObject(request: SampleRequest, status: string, text: string, usage: SampleUsage) {
  const { model, tool, toolArguments = hardArguments, tellsUsage } = request;
  const output = tool
    ? {
        type: "function_call",
        id: "fc_sample_01",
        call_id: "call_sample_01",
        name: tool,
        arguments: JSON.stringify(toolArguments),
        status: "completed",
      }
    : {
        type: "message",
        id: "msg_sample_01",
        status: "completed",
        role: "assistant",
        content: [{ type: "output_text", text, annotations: [] }],
      };
  return {
    id: "resp_sample_0001",
    object: "response",
    created_at: 1_790_000_000,
    status,
    error: null,
    incomplete_details: null,
    model,
    output: status === "completed" ? [output] : [],
    parallel_tool_calls: true,
    usage: status === "completed" && tellsUsage ? responsesUsage(usage) : null,
  };
}

export function eventAnswer(request: SampleRequest, pieces: string[], usage: SampleUsage): SampleEvent[] {
  switch (request.api) {
    case "anthropic":
      return anthropicEvents(request, pieces, usage);
    case "responses":
      return responsesEvents(request, pieces, usage);
    case "gemini":
      return pieces.map((piece, at) => {
        const last = at === pieces.length - 1;
        const soFar = { ...usage, output: Math.ceil((usage.output * (at + 1)) / pieces.length) };
        const part = geminiPart(last ? request.tool : undefined, piece, request.toolArguments ?? hardArguments);
        return { data: JSON.stringify(geminiChunk(request, [part], last ? "STOP" : undefined, last ? usage : soFar)) };
      });
    default:
      return chatEvents(request, pieces, usage);
  }
}

function anthropicEvents(
  { model, tool, toolArguments = hardArguments, tellsUsage }: SampleRequest,
  pieces: string[],
  usage: SampleUsage,
): SampleEvent[] {
  const opening = { ...anthropicUsage(usage), output_tokens: 1 };
  const block = tool ? { type: "tool_use", id: "toolu_sample_01", name: tool, input: {} } : { type: "text", text: "" };
  const json = JSON.stringify(toolArguments);
  const deltas = tool
    ? [json.slice(0, 9), json.slice(9)].map((partial_json) => ({ type: "input_json_delta", partial_json }))
    : pieces.map((text) => ({ type: "text_delta", text }));
  const events: ({ type: string } & Record<string, unknown>)[] = [
    {
      type: "message_start",
      message: {
        id: "msg_sample_0001",
        type: "message",
        role: "assistant",
        model,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        ...optional("usage", opening, tellsUsage),
      },
    },
    { type: "content_block_start", index: 0, content_block: block },
    { type: "ping" },
    ...deltas.map((delta) => ({ type: "content_block_delta", index: 0, delta })),
    { type: "content_block_stop", index: 0 },
    {
      type: "message_delta",
      delta: { stop_reason: tool ? "tool_use" : "end_turn", stop_sequence: null },
      ...optional("usage", { input_tokens: null, output_tokens: usage.output }, tellsUsage),
    },
    { type: "message_stop" },
  ];
  return events.map((event) => ({ event: event.type, data: JSON.stringify(event) }));
}

function chatEvents(request: SampleRequest, pieces: string[], usage: SampleUsage): SampleEvent[] {
  const { model, tool, toolArguments = hardArguments, tellsUsage } = request;
  const chunk = (choices: unknown[], told: unknown = null) =>
    JSON.stringify({
      id: "chatcmpl-sample-0001",
      object: "chat.completion.chunk",
      created: 1_790_000_000,
      model,
      system_fingerprint: null,
      choices,
      ...optional("usage", told, tellsUsage),
    });
  const choice = (delta: unknown, finish_reason: string | null = null) => [
    { index: 0, delta, logprobs: null, finish_reason },
  ];
  const deltas = tool
    ? [
        { tool_calls: [{ index: 0, ...chatToolCall(tool, toolArguments), function: { name: tool, arguments: "" } }] },
        { tool_calls: [{ index: 0, function: { arguments: JSON.stringify(toolArguments) } }] },
      ]
    : pieces.map((content) => ({ content }));
  return [
    chunk(choice({ role: "assistant", content: "" })),
    ...deltas.map((delta) => chunk(choice(delta))),
    chunk(choice({}, tool ? "tool_calls" : "stop")),
    ...(tellsUsage ? [chunk([], chatUsage(usage))] : []),
    "[DONE]",
  ].map((data) => ({ data }));
}

function responsesEvents(request: SampleRequest, pieces: string[], usage: SampleUsage): SampleEvent[] {
  const begun = responsesObject(request, "in_progress", "", usage);
  const done = responsesObject(request, "completed", pieces.join(""), usage);
  const item = done.output[0]!;
  const toolArguments = JSON.stringify(request.toolArguments ?? hardArguments);
  const place = { output_index: 0, item_id: item.id };
  const middle: ({ type: string } & Record<string, unknown>)[] = request.tool
    ? [
        {
          type: "response.output_item.added",
          output_index: 0,
          item: { ...item, arguments: "", status: "in_progress" },
        },
        { type: "response.function_call_arguments.delta", ...place, delta: toolArguments },
        { type: "response.function_call_arguments.done", ...place, arguments: toolArguments },
        { type: "response.output_item.done", output_index: 0, item },
      ]
    : [
        { type: "response.output_item.added", output_index: 0, item: { ...item, content: [], status: "in_progress" } },
        {
          type: "response.content_part.added",
          ...place,
          content_index: 0,
          part: { type: "output_text", text: "", annotations: [] },
        },
        ...pieces.map((delta) => ({ type: "response.output_text.delta", ...place, content_index: 0, delta })),
        { type: "response.output_text.done", ...place, content_index: 0, text: pieces.join("") },
        { type: "response.output_item.done", output_index: 0, item },
      ];
  const events = [
    { type: "response.created", response: begun },
    { type: "response.in_progress", response: begun },
    ...middle,
    { type: "response.completed", response: done },
  ];
  return events.map((event, at) => ({ event: event.type, data: JSON.stringify({ ...event, sequence_number: at }) }));
}
