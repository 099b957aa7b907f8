import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

export interface ToolCall {
  name: string;
  input: Record<string, unknown>;
}

interface ToolAnswer extends ToolCall {
  /** The gateway's answer to the call, as the model reads it. */
  text: string;
}

interface Block {
  type: string;
  text?: string;
  content?: unknown;
  tool_use_id?: string;
  id?: string;
  name?: string;
  input?: Record<string, unknown>;
}
interface AskedMessage {
  role: string;
  content: string | Block[];
}
interface Asked {
  model: string;
  stream?: boolean;
  system?: unknown;
  tools?: { name: string }[];
  messages: AskedMessage[];
}

export interface HostileUpstream {
  origin: string;
  /** Every body that it was sent, in the order of arrival. */
  seen: { key: string; body: string }[];
  /** The names of the tools that it was offered last. */
  offered(): string[];
  /** Each tool call since the last `reset`, with its answer. */
  answers: ToolAnswer[];
  reset(): void;
  close(): Promise<void>;
}

const begin = "<<calls>>";
const end = "<<end>>";
/** A text that an agent answers, or hands to sub-agents, comes back: without a bound it would go round for ever. */
const mostTimes = 4;
let lists = 0;

/** The message that makes the model call these tools, all at once: as a text that reached an agent would. */
export const calling = (...calls: ToolCall[]): string =>
  `${begin}${Buffer.from(JSON.stringify({ list: ++lists, calls })).toString("base64")}${end}`;

/** A call of a tool that is offered through `tool_search` alone. */
export const throughCatalog = ({ name, input }: ToolCall): ToolCall => ({
  name: "tool_call",
  input: { id: name, args: input },
});

const textOf = (content: unknown): string =>
  typeof content === "string"
    ? content
    : Array.isArray(content)
      ? (content as Block[]).map((block) => block.text ?? textOf(block.content ?? "")).join("\n")
      : "";

const isResult = ({ content }: AskedMessage): boolean =>
  Array.isArray(content) && content.some((block) => block.type === "tool_result");

/**
 * A model that does what a message tells it to: the last text with a list of calls is carried out, whoever wrote it.
 * It speaks Anthropic's API.
 */
export async function startHostileUpstream(): Promise<HostileUpstream> {
  const seen: HostileUpstream["seen"] = [];
  const answers: ToolAnswer[] = [];
  const answered = new Set<string>();
  const madeTimes = new Map<number, number>();
  let offered: string[] = [];
  let count = 0;

  /** @returns the calls that it was told and has not made yet */
  function nextCalls({ messages }: Asked): ToolCall[] {
    const from = messages.findLastIndex((message) => !isResult(message) && textOf(message.content).includes(begin));
    if (from === -1) return [];
    const text = textOf(messages[from]!.content);
    const start = text.lastIndexOf(begin) + begin.length;
    const told = Buffer.from(text.slice(start, text.indexOf(end, start)), "base64").toString();
    const { list, calls } = JSON.parse(told) as { list: number; calls: ToolCall[] };
    const blocks = messages.slice(from).flatMap(({ content }) => (Array.isArray(content) ? content : []));
    for (const { type, tool_use_id: id, content } of blocks) {
      if (type !== "tool_result" || id === undefined || answered.has(id)) continue;
      // OpenClaw has ids of its own.
      const { name = "", input = {} } = blocks.find((block) => block.type === "tool_use" && block.id === id) ?? {};
      answered.add(id);
      answers.push({ name, input, text: textOf(content) });
    }
    const times = madeTimes.get(list) ?? 0;
    if (times === mostTimes || messages.slice(from).some(isResult)) return [];
    madeTimes.set(list, times + 1);
    return calls;
  }

  const server = createServer((request, response) => {
    void (async () => {
      const asked = (await json(request)) as Asked;
      seen.push({
        key: String(request.headers["x-api-key"] ?? request.headers.authorization),
        body: JSON.stringify(asked),
      });
      offered = (asked.tools ?? []).map((tool) => tool.name);
      const calls = nextCalls(asked);
      const blocks = calls.map((call, at) => ({ type: "tool_use", id: `toolu${++count}x${at}`, ...call }));
      const usage = { input_tokens: 10, output_tokens: 5, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
      const stop = calls.length > 0 ? "tool_use" : "end_turn";
      const message = { id: `msg_${seen.length}`, type: "message", role: "assistant", model: asked.model, usage };
      const said = { type: "text", text: "All calls are made." };
      if (!asked.stream) {
        const content = calls.length > 0 ? blocks : [said];
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify({ ...message, content, stop_reason: stop, stop_sequence: null }));
        return;
      }
      response.writeHead(200, { "content-type": "text/event-stream" });
      const send = (type: string, data: Record<string, unknown>) =>
        response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
      const sendBlock = (index: number, content_block: object, delta: object) => {
        send("content_block_start", { index, content_block });
        send("content_block_delta", { index, delta });
        send("content_block_stop", { index });
      };
      send("message_start", { message: { ...message, content: [], stop_reason: null, stop_sequence: null } });
      for (const [at, block] of blocks.entries()) {
        sendBlock(at, { ...block, input: {} }, { type: "input_json_delta", partial_json: JSON.stringify(block.input) });
      }
      if (calls.length === 0) sendBlock(0, { type: "text", text: "" }, { type: "text_delta", text: said.text });
      send("message_delta", { delta: { stop_reason: stop, stop_sequence: null }, usage });
      send("message_stop", {});
      response.end();
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    answers,
    offered: () => offered,
    reset() {
      seen.length = 0;
      answers.length = 0;
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
