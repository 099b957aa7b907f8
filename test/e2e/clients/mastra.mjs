// A client of Mastra, as `docs/clients.md` has it: one question, with a tool at hand.
import { writeFileSync } from "node:fs";
import { Agent } from "@mastra/core/agent";
import { createTool } from "@mastra/core/tools";
import { z } from "zod";

const { OPENAI_BASE_URL: url, OPENAI_API_KEY: apiKey } = process.env;

const prove = createTool({
  id: "prove",
  description: "Writes a proof",
  inputSchema: z.object({ text: z.string() }),
  execute: async ({ text }) => {
    writeFileSync("proof.txt", text);
    return "written";
  },
});

const agent = new Agent({
  id: "agent",
  name: "agent",
  instructions: "You answer.",
  model: { id: "openai/gpt-5-mini", url, apiKey },
  tools: { prove },
});
try {
  const stream = await agent.stream("say hello");
  for await (const text of stream.textStream) process.stdout.write(text);
  if (stream.error) throw stream.error;
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
