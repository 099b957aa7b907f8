// A client of LangChain, as `docs/clients.md` has it: one question, with a tool at hand.
import { writeFileSync } from "node:fs";
import { ChatOpenAI } from "@langchain/openai";
import { createAgent, tool } from "langchain";

const prove = tool(
  ({ text }) => {
    writeFileSync("proof.txt", text);
    return "written";
  },
  {
    name: "prove",
    description: "Writes a proof",
    schema: { type: "object", properties: { text: { type: "string" } }, required: ["text"] },
  },
);

const agent = createAgent({ model: new ChatOpenAI({ model: "gpt-5-mini" }), tools: [prove] });
try {
  const stream = await agent.stream({ messages: [{ role: "user", content: "say hello" }] }, { streamMode: "messages" });
  for await (const [message] of stream) process.stdout.write(message.text);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
