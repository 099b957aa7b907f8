import { readFile } from "node:fs/promises";
import { testClient } from "./test-client.ts";

const script = await readFile(new URL("ai-sdk.mjs", import.meta.url), "utf8");
const packages = [
  "ai@7.0.173",
  "@ai-sdk/openai@4.0.118",
  "@ai-sdk/anthropic@4.0.105",
  "@ai-sdk/google@4.0.121",
  "@openrouter/ai-sdk-provider@3.1.0",
];

for (const [provider, kind, printEnv] of [
  ["openai", "openai", "openai"],
  ["anthropic", "anthropic", "anthropic"],
  ["google", "gemini", "gemini-cli"],
  ["openrouter", "openrouter", "openai"],
] as const) {
  await testClient({
    name: `AI SDK, ${provider}`,
    kind,
    printEnv,
    packages,
    files: { "client.mjs": script },
    command: ["node", "client.mjs", provider],
    setUp: `AGENT_BASE_URL=\${OPENAI_BASE_URL:-}\${ANTHROPIC_BASE_URL:-}\${GOOGLE_GEMINI_BASE_URL:-}
AGENT_KEY=\${OPENAI_API_KEY:-}\${ANTHROPIC_API_KEY:-}\${GEMINI_API_KEY:-}
export AGENT_BASE_URL AGENT_KEY`,
    tool: { name: "prove", arguments: { text: "tool-ran" } },
    // Its own `maxRetries` is 2, whatever the answer says.
    insists: { "spent quota": { requests: 3 } },
  });
}
