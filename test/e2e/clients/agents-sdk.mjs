// A client of OpenAI's Agents SDK, as `docs/clients.md` has it: one question, with a tool at hand.
import { writeFileSync } from "node:fs";
import { Agent, run, setTracingDisabled, tool } from "@openai/agents";
import { z } from "zod";

// Traces go to OpenAI with the key, and not through the proxy.
setTracingDisabled(true);

const prove = tool({
  name: "prove",
  description: "Writes a proof",
  parameters: z.object({ text: z.string() }),
  execute: async ({ text }) => {
    writeFileSync("proof.txt", text);
    return "written";
  },
});

const agent = new Agent({ name: "agent", instructions: "You answer.", model: "gpt-5-mini", tools: [prove] });
try {
  const stream = await run(agent, "say hello", { stream: true });
  for await (const text of stream.toTextStream()) process.stdout.write(text);
  await stream.completed;
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
