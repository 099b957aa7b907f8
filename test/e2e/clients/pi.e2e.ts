import { clientRecipe } from "./client-recipe.ts";
import { testClient } from "./test-client.ts";

await testClient({
  name: "pi",
  kind: "anthropic",
  printEnv: "anthropic",
  packages: ["@mariozechner/pi-coding-agent@0.73.1"],
  command: ["pi", "--provider", "anthropic", "--model", "claude-sonnet-4-5", "-p", "say hello"],
  tool: { name: "bash", arguments: { command: "echo tool-ran > proof.txt" } },
  setUp: await clientRecipe("pi"),
  // `retry.maxRetries` of its settings is 3, and it takes every 429 for one that passes.
  insists: { "spent quota": { requests: 4, seconds: 25 } },
});
