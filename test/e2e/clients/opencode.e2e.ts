import { testClient } from "./test-client.ts";

await testClient({
  name: "opencode",
  kind: "openai",
  printEnv: "opencode",
  packages: ["opencode-ai@1.18.33"],
  command: ["opencode", "run", "-m", "openai/gpt-5", "say hello"],
  tool: { name: "bash", arguments: { command: "echo tool-ran > proof.txt", description: "Writes a proof" } },
  // It takes every 429 for one that passes: it asks five times more, and twice more for a title.
  insists: { "spent quota": { requests: 9 } },
});
