import { expect, it } from "vitest";
import { anthropicWire as anthropic } from "../../src/providers/anthropic/wire.ts";
import { geminiWire as gemini } from "../../src/providers/gemini/wire.ts";
import { openaiWire as openai } from "../../src/providers/openai/wire.ts";
import type { ProviderWire } from "../../src/providers/shared/wire.ts";
import { readJsonBody } from "../../src/proxy/json-body.ts";

/** Providers' prompts hold `1, 1, 1`, of which each character may be a token, where a request has `1,1,1`. */

const numbers = Array<number>(2_000).fill(1);
const schema = { type: "object", properties: { a: { enum: numbers } } };
const args = { a: numbers };
const claude = { model: "claude-opus-4-5", max_tokens: 9 };
const user = [{ role: "user", content: "hi" }];
const callsOf = (type: string) => [{ role: "assistant", content: [{ type, id: "t", name: "f", input: args }] }];
const toolUse = callsOf("tool_use");
const geminiPath = "/v1beta/models/gemini-2.5-pro:generateContent";

const requests: [string, ProviderWire, string, unknown][] = [
  [
    "Anthropic's tools",
    anthropic,
    "/v1/messages",
    { ...claude, messages: user, tools: [{ name: "f", input_schema: schema }] },
  ],
  ["Anthropic's calls", anthropic, "/v1/messages", { ...claude, messages: toolUse }],
  [
    "Anthropic's examples of calls",
    anthropic,
    "/v1/messages",
    { ...claude, messages: user, tools: [{ name: "f", input_schema: {}, input_examples: [args] }] },
  ],
  ["Anthropic's own calls", anthropic, "/v1/messages", { ...claude, messages: callsOf("server_tool_use") }],
  ["Anthropic's calls of servers", anthropic, "/v1/messages", { ...claude, messages: callsOf("mcp_tool_use") }],
  [
    "OpenAI's functions",
    openai,
    "/v1/chat/completions",
    { model: "gpt-5", messages: user, tools: [{ type: "function", function: { name: "f", parameters: schema } }] },
  ],
  [
    "OpenAI's older functions",
    openai,
    "/v1/chat/completions",
    { model: "gpt-5", messages: user, functions: [{ name: "f", parameters: schema }] },
  ],
  [
    "a response's functions",
    openai,
    "/v1/responses",
    { model: "gpt-5", input: "hi", tools: [{ type: "function", name: "f", parameters: schema }] },
  ],
  [
    "a response's format",
    openai,
    "/v1/responses",
    { model: "gpt-5", input: "hi", text: { format: { type: "json_schema", name: "f", schema } } },
  ],
  [
    "a response's later format",
    openai,
    "/v1/responses",
    {
      model: "gpt-5",
      input: [{ type: "configuration_update", text: { format: { type: "json_schema", name: "f", schema } } }],
    },
  ],
  [
    "a response's listed tools",
    openai,
    "/v1/responses",
    {
      model: "gpt-5",
      input: [{ type: "mcp_list_tools", server_label: "s", tools: [{ name: "f", input_schema: schema }] }],
    },
  ],
  [
    "a response's searches of tools",
    openai,
    "/v1/responses",
    { model: "gpt-5", input: [{ type: "tool_search_call", arguments: args }] },
  ],
  [
    "Gemini's functions",
    gemini,
    geminiPath,
    { contents: [], tools: [{ functionDeclarations: [{ name: "f", parameters: schema }] }] },
  ],
  [
    "Gemini's functions in snake case",
    gemini,
    geminiPath,
    { contents: [], tools: [{ function_declarations: [{ name: "f", parameters: schema }] }] },
  ],
  [
    "Gemini's format",
    gemini,
    geminiPath,
    { contents: [], generationConfig: { responseFormat: [{ text: { mimeType: "application/json", schema } }] } },
  ],
  ["Gemini's own calls", gemini, geminiPath, { contents: [{ parts: [{ toolCall: { args } }] }] }],
  ["Gemini's own answers", gemini, geminiPath, { contents: [{ parts: [{ toolResponse: { response: args } }] }] }],
  ["Gemini's calls", gemini, geminiPath, { contents: [{ parts: [{ functionCall: { name: "f", args } }] }] }],
  [
    "Gemini's answers of functions",
    gemini,
    geminiPath,
    { contents: [{ parts: [{ functionResponse: { name: "f", response: args } }] }] },
  ],
];

it.each(requests)("a list of numbers in %s is held as it is printed", (_, wire, path, json) => {
  const rules = wire.endpoint("POST", path)!.body!;
  const parsed = readJsonBody(new TextEncoder().encode(JSON.stringify(json)), rules);
  if ("fault" in parsed) throw new Error(parsed.fault);
  const reading = rules.read(parsed.body, { mediaReferenceTokens: 0, boundedFields: [] });
  if ("fault" in reading) throw new Error(reading.fault);
  expect(reading.unbounded).toBeUndefined();
  expect(reading.inputBeyondBytes).toBeGreaterThanOrEqual(numbers.length);
});
