import type { SdkSource } from "./sdk-types.ts";

const messages = "resources/messages/messages.d.ts";
const betaMessages = "resources/beta/messages/messages.d.ts";
const responses = "resources/responses/responses.d.ts";
const betaResponses = "resources/beta/responses/responses.d.ts";
const gemini = "dist/genai.d.ts";

/** The official SDKs, and the types of what the proxy lets through to each provider. */
export const sdkSources: Record<string, SdkSource> = {
  anthropic: {
    package: "@anthropic-ai/sdk",
    endpoints: {
      messages: [
        [messages, "MessageCreateParamsBase"],
        [betaMessages, "MessageCreateParamsBase"],
        [messages, "MessageCountTokensParams"],
        [betaMessages, "MessageCountTokensParams"],
      ],
    },
    betas: [["resources/beta/beta.d.ts", "AnthropicBeta"]],
  },
  openai: {
    package: "openai",
    endpoints: {
      chat: [["resources/chat/completions/completions.d.ts", "ChatCompletionCreateParamsBase"]],
      responses: [
        [responses, "ResponseCreateParamsBase"],
        [betaResponses, "ResponseCreateParamsBase"],
      ],
      embeddings: [["resources/embeddings.d.ts", "EmbeddingCreateParams"]],
    },
    betas: [[betaResponses, "ResponseCreateParamsBase.betas"]],
  },
  gemini: {
    package: "@google/genai",
    // The SDK makes the request of its parameters; these are their parts that go into it as they are, and its own names.
    endpoints: {
      content: [[gemini, "Content"]],
      tools: [[gemini, "Tool"]],
      toolConfig: [[gemini, "ToolConfig"]],
      safetySettings: [[gemini, "SafetySetting"]],
      generationConfig: [[gemini, "GenerationConfig"]],
      config: [[gemini, "GenerateContentConfig"]],
      embedConfig: [[gemini, "EmbedContentConfig"]],
    },
    betas: [],
  },
};
