import { expect, it } from "vitest";
import { outputPace } from "../../src/proxy/output-pace.ts";
import type { ReadRequest } from "../../src/proxy/read-request.ts";

const asked = (models: string[], more: Record<string, unknown> = {}, prediction?: unknown) =>
  ({
    reading: { models, answers: 1, hosted: undefined, ...more },
    body: { get: (name: string) => (name === "prediction" ? prediction : undefined) },
  }) as unknown as ReadRequest;
const openAi = { kind: "openai" } as const;
const home = "https://api.openai.com";

it("is known of the provider's own machines, for each of the answers", () => {
  expect(outputPace({ kind: "anthropic" }, "https://api.anthropic.com", asked(["claude-opus-4-5"]))).toBe(1_024);
  expect(outputPace(openAi, home, asked(["gpt-5"], { answers: 3 }))).toBe(3 * 4_096);
});

it("is known where the tool at the provider was left out", () => {
  const hosted = { hosted: { names: ["web_search"] } };
  expect(outputPace(openAi, home, asked(["gpt-5-codex"], hosted), ["web_search"])).toBe(4_096);
});

it.each([
  ["other machines", outputPace(openAi, "https://api.openai.com.example.org", asked(["gpt-5"]))],
  ["a provider of many makers", outputPace({ kind: "openrouter" }, "https://openrouter.ai", asked(["openai/gpt-5"]))],
  ["a provider that goes on", outputPace({ kind: "gemini" }, "https://generativelanguage.googleapis.com", asked([]))],
  ["a model that may think in parallel", outputPace(openAi, home, asked(["gpt-5-pro"]))],
  ["a prediction", outputPace(openAi, home, asked(["gpt-4o"], {}, { type: "content", content: "x" }))],
  ["a tool at the provider", outputPace(openAi, home, asked(["gpt-5"], { hosted: { names: ["web_search"] } }))],
])("is not known of %s", (_, pace) => expect(pace).toBeUndefined());
