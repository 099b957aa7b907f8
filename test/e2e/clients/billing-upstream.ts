import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { eventAnswer, jsonAnswer, type SampleRequest, type SampleUsage } from "../../upstream/sample-answers.ts";
import { type AskedBody, understand } from "../../upstream/sample-upstream.ts";

/** The text in the answer of a client that works. */
export const answerText = "The answer is forty-two.";

export interface ToolCall {
  name: string;
  arguments: Record<string, unknown>;
}

interface Bill {
  input: number;
  output: number;
  interrupted: boolean;
}

export interface BillingUpstream {
  origin: string;
  /** One for each answer that was begun, as the provider bills it: also what nobody read to its end. */
  bills: Bill[];
  /** A request that offers this tool, and has no result of one, is answered with its call. */
  call(tool: ToolCall | undefined): void;
  /** Answers take a minute, or until the reset. Resolves when one of them is under way. */
  endless(): Promise<void>;
  reset(): void;
  close(): Promise<void>;
}

const tokensOf = (text: string) => Math.ceil(Buffer.byteLength(text) / 4);
const toolResults = ["toolu_sample_01", "call_sample_01", "functionResponse"];

/** Answers as the providers do, to whoever asks, and bills by rules of its own: a token for four bytes, begun ones whole. */
export async function billingUpstream(): Promise<BillingUpstream> {
  const bills: Bill[] = [];
  let tool: ToolCall | undefined;
  let isEndless = false;
  let begun = Promise.withResolvers<void>();

  async function answer(request: IncomingMessage, response: ServerResponse, body: string): Promise<void> {
    const asked = body === "" ? {} : (JSON.parse(body) as AskedBody);
    const url = request.url ?? "";
    const understood = understand(url, asked, { tellsUsage: true, usesTools: false });
    if (/count_?tokens|input_tokens/i.test(url)) return json(response, { input_tokens: 9, totalTokens: 9 });
    if (!understood) return json(response, { object: "list", data: [], models: [] });
    const calls = tool && body.includes(`"${tool.name}"`) && !toolResults.some((mark) => body.includes(mark));
    const sample: SampleRequest = {
      ...understood,
      tool: calls ? tool?.name : undefined,
      ...(tool && { toolArguments: tool.arguments }),
    };
    const pieces = isEndless ? Array.from({ length: 2000 }, (_, at) => `word ${at} `) : answerText.split(/(?<= )/);
    const written = calls ? JSON.stringify(tool) : pieces.join("");
    const usage: SampleUsage = {
      input: tokensOf(body),
      output: tokensOf(written),
      cacheCreation: 0,
      cacheRead: 0,
      thoughts: 0,
    };
    if (!understood.stream) {
      bills.push({ input: usage.input, output: usage.output, interrupted: false });
      return json(response, jsonAnswer(sample, pieces, usage));
    }
    const bill: Bill = { input: usage.input, output: usage.output, interrupted: false };
    bills.push(bill);
    let streamed = 0;
    response.on("close", () => {
      if (response.writableFinished) return;
      bill.interrupted = true;
      bill.output = Math.min(usage.output, tokensOf(pieces.slice(0, streamed).join("")));
    });
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const { event, data } of eventAnswer(sample, pieces, usage)) {
      if (response.destroyed) return;
      response.write(`${event ? `event: ${event}\n` : ""}data: ${data}\n\n`);
      if (!isEndless) continue;
      streamed++;
      if (streamed === 20) begun.resolve();
      await sleep(25);
    }
    response.end();
  }

  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      await answer(request, response, Buffer.concat(chunks).toString());
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bills,
    call: (next) => {
      tool = next;
    },
    endless() {
      isEndless = true;
      begun = Promise.withResolvers<void>();
      return begun.promise;
    },
    reset() {
      tool = undefined;
      isEndless = false;
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
