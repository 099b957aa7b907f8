import { testClient } from "./test-client.ts";

await testClient({
  name: "Codex",
  kind: "openai",
  printEnv: "codex",
  packages: ["@openai/codex@0.171.0"],
  command: [
    ...["codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"],
    ...["-m", "gpt-5", "say hello"],
  ],
  tool: { name: "exec_command", arguments: { cmd: "echo tool-ran > proof.txt" } },
  // Codex tells the status alone of a 429.
  shows: { "spent quota": /429 Too Many Requests/ },
  // It takes a refused key for a broken stream, of which it tries five more: `stream_max_retries` of the provider.
  insists: { "wrong key": { requests: 6 } },
});
