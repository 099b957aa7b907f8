// A client of the Vercel AI SDK, as `docs/clients.md` has it: one question, with a tool at hand.
import { writeFileSync } from "node:fs";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenRouter } from "@openrouter/ai-sdk-provider";
import { isStepCount, jsonSchema, streamText, tool } from "ai";

const { AGENT_BASE_URL: baseURL, AGENT_KEY: apiKey } = process.env;
const models = {
  openai: () => createOpenAI({ baseURL, apiKey })("gpt-5-mini"),
  anthropic: () => createAnthropic({ baseURL, apiKey })("claude-sonnet-4-5"),
  google: () => createGoogleGenerativeAI({ baseURL, apiKey })("gemini-2.5-flash"),
  openrouter: () => createOpenRouter({ baseURL, apiKey })("openai/gpt-5-mini"),
};

const prove = tool({
  description: "Writes a proof",
  inputSchema: jsonSchema({ type: "object", properties: { text: { type: "string" } }, required: ["text"] }),
  execute: async ({ text }) => {
    writeFileSync("proof.txt", text);
    return "written";
  },
});

const answer = streamText({
  model: models[process.argv[2]](),
  prompt: "say hello",
  tools: { prove },
  stopWhen: isStepCount(3),
  onError: ({ error }) => {
    console.error(error.message, error.lastError?.message ?? "");
    process.exitCode = 1;
  },
});
for await (const text of answer.textStream) process.stdout.write(text);
