import { testClient } from "./test-client.ts";

await testClient({
  name: "Claude Code",
  kind: "anthropic",
  printEnv: "claude-code",
  packages: ["@anthropic-ai/claude-code@2.1.332"],
  command: ["claude", "-p", "say hello", "--allowedTools", "Bash"],
  tool: { name: "Bash", arguments: { command: "echo tool-ran > proof.txt", description: "Writes a proof" } },
  // It takes its betas back one after the other when a request is refused as invalid, within a tenth of a second.
  insists: { suspended: { requests: 6 } },
});
