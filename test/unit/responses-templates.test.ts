import { expect, it } from "vitest";
import { customWire } from "../../src/providers/openai-compatible/wire.ts";
import { toolPromptTokens } from "../../src/providers/shared/tool-prompt.ts";
import { readJsonBody } from "../../src/proxy/json-body.ts";

/** Behind a custom address a response is made into a chat, which the model's own template prints. */

function inputBeyondBytes(path: string, body: object): number {
  const rules = customWire.endpoint("POST", path)!.body!;
  const parsed = readJsonBody(new TextEncoder().encode(JSON.stringify({ model: "m", ...body })), rules);
  if ("fault" in parsed) throw new Error(parsed.fault);
  const reading = rules.read(parsed.body, { mediaReferenceTokens: 0, boundedFields: [] });
  if ("fault" in reading) throw new Error(reading.fault);
  return reading.inputBeyondBytes;
}

const call = { name: "f", arguments: JSON.stringify({ a: "<".repeat(1_000), b: Array<number>(500).fill(1e9) }) };
const schema = { name: "f", schema: { type: "object", properties: { a: { enum: ["<".repeat(1_000)] } } } };

it("holds a call for what its arguments are printed as", () => {
  const printed = inputBeyondBytes("/v1/responses", { input: [{ type: "function_call", call_id: "c", ...call }] });
  expect(printed).toBeGreaterThan(5_000);
  const messages = [{ role: "assistant", tool_calls: [{ id: "c", type: "function", function: call }] }];
  expect(inputBeyondBytes("/v1/chat/completions", { messages }) - printed).toBeLessThan(100);
});

it("holds an answer's format for what it is printed as", () => {
  const format = { type: "json_schema", ...schema };
  const printed = inputBeyondBytes("/v1/responses", { input: "hi", text: { format } });
  expect(printed).toBeGreaterThan(5_000);
  const response_format = { type: "json_schema", json_schema: schema };
  expect(printed - inputBeyondBytes("/v1/chat/completions", { messages: [], response_format })).toBeLessThan(100);
});

it("holds the words of the template around a format, however small that is", () => {
  const text = { format: { type: "json_object" } };
  expect(inputBeyondBytes("/v1/responses", { input: "hi", text })).toBeGreaterThanOrEqual(toolPromptTokens);
});

it("holds no format where the answer is plain text", () => {
  for (const text of [{ verbosity: "low" }, { format: { type: "text" } }])
    expect(inputBeyondBytes("/v1/responses", { input: "hi", text })).toBeLessThan(100);
});
