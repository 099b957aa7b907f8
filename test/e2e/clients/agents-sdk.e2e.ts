import { readFile } from "node:fs/promises";
import { testClient } from "./test-client.ts";

await testClient({
  name: "Agents SDK",
  kind: "openai",
  printEnv: "openai",
  packages: ["@openai/agents@0.20.0", "zod@4.6.7"],
  files: { "client.mjs": await readFile(new URL("agents-sdk.mjs", import.meta.url), "utf8") },
  command: ["node", "client.mjs"],
  tool: { name: "prove", arguments: { text: "tool-ran" } },
});
