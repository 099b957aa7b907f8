import { testClient } from "./test-client.ts";

await testClient({
  name: "gemini-cli",
  kind: "gemini",
  printEnv: "gemini-cli",
  packages: ["@google/gemini-cli@0.61.0"],
  command: ["gemini", "--yolo", "--skip-trust", "-m", "gemini-2.5-flash", "-p", "say hello"],
  tool: { name: "run_shell_command", arguments: { command: "echo tool-ran > proof.txt" } },
  // It starts itself a second time to be given more memory.
  setUp: "export GEMINI_CLI_NO_RELAUNCH=true",
});
