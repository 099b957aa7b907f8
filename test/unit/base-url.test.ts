import { expect, it } from "vitest";
import type { ProviderKind } from "../../src/domain/provider-facts.ts";
import { betterBaseUrl } from "../../src/providers/base-url.ts";

const given: [ProviderKind, string, string | undefined][] = [
  ["custom", "https://llm.example/v1", undefined],
  ["custom", "https://llm.example", undefined],
  ["custom", "https://llm.example/openai/v1/", undefined],
  ["custom", "https://llm.example/v1/chat/completions", "https://llm.example/v1"],
  ["custom", "https://llm.example/v1/responses/", "https://llm.example/v1"],
  ["litellm", "http://litellm:4000/v1/models", "http://litellm:4000/v1"],
  ["anthropic", "https://claude.example/v1/messages", "https://claude.example"],
  ["anthropic", "https://claude.example/proxy/v1", "https://claude.example/proxy"],
  ["anthropic", "https://api.anthropic.com/", undefined],
  ["anthropic", "https://api.anthropic.com/v1", "https://api.anthropic.com"],
  ["gemini", "https://google.example/v1beta/models/gemini-2.5-pro:generateContent", "https://google.example"],
  ["gemini", "https://generativelanguage.googleapis.com/v1beta", "https://generativelanguage.googleapis.com"],
  ["openai", "https://api.openai.com", "https://api.openai.com/v1"],
  ["openai", "https://eu.api.openai.com/v1", undefined],
  ["openrouter", "https://openrouter.ai/api", "https://openrouter.ai/api/v1"],
];

it.each(given)("%s at %s is meant as %s", (kind, baseUrl, better) => {
  expect(betterBaseUrl(kind, baseUrl)).toBe(better);
});
