import { readFile } from "node:fs/promises";
import { testClient } from "./test-client.ts";

await testClient({
  name: "LangChain",
  kind: "openai",
  printEnv: "openai",
  packages: ["langchain@1.5.14", "@langchain/core@1.4.0", "@langchain/openai@1.6.0"],
  files: { "client.mjs": await readFile(new URL("langchain.mjs", import.meta.url), "utf8") },
  command: ["node", "client.mjs"],
  tool: { name: "prove", arguments: { text: "tool-ran" } },
});
