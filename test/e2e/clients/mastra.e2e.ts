import { readFile } from "node:fs/promises";
import { testClient } from "./test-client.ts";

await testClient({
  name: "Mastra",
  kind: "openai",
  printEnv: "openai",
  packages: ["@mastra/core@1.71.0", "zod@4.6.7"],
  files: { "client.mjs": await readFile(new URL("mastra.mjs", import.meta.url), "utf8") },
  command: ["node", "client.mjs"],
  tool: { name: "prove", arguments: { text: "tool-ran" } },
});
