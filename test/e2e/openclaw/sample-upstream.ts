import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface SeenCall {
  path: string;
  key: string;
  model: string;
  bytes: number;
}

export interface SampleUpstream {
  url: string;
  /** Every call that came through, in order. */
  calls: SeenCall[];
  /** The next calls get this status instead of an answer. */
  failNext(status: number, times: number): void;
  close(): Promise<void>;
}

/** Tokens of every answer, as the upstream counts them. */
export const answerTokens = { input: 11, output: 7 };

/** A sample of Anthropic's Messages API, streaming as OpenClaw asks for it. */
export async function startSampleUpstream(): Promise<SampleUpstream> {
  const calls: SeenCall[] = [];
  const failures: number[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const { model } = JSON.parse(body.toString() || "{}") as { model?: string };
    const key = request.headers["x-api-key"] ?? request.headers.authorization ?? "";
    calls.push({ path: request.url ?? "", key: String(key), model: model ?? "", bytes: body.length });
    const status = failures.shift();
    if (status === undefined) answer(response, model ?? "");
    else fail(response, status);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    failNext(status, times) {
      failures.push(...Array<number>(times).fill(status));
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const errorTypes: Record<number, string> = {
  401: "authentication_error",
  429: "rate_limit_error",
  529: "overloaded_error",
};

function fail(response: ServerResponse, status: number): void {
  response.writeHead(status, { "content-type": "application/json", ...(status === 429 && { "retry-after": "1" }) });
  const error = { type: errorTypes[status], message: `the sample upstream says ${status}` };
  response.end(JSON.stringify({ type: "error", error }));
}

function answer(response: ServerResponse, model: string): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  const event = (type: string, content: object) =>
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...content })}\n\n`);
  const usage = { input_tokens: answerTokens.input, output_tokens: 1 };
  const message = { id: "msg_1", type: "message", role: "assistant", model, content: [], stop_reason: null, usage };
  event("message_start", { message });
  event("content_block_start", { index: 0, content_block: { type: "text", text: "" } });
  event("content_block_delta", { index: 0, delta: { type: "text_delta", text: "the sample answer" } });
  event("content_block_stop", { index: 0 });
  event("message_delta", { delta: { stop_reason: "end_turn" }, usage: { output_tokens: answerTokens.output } });
  event("message_stop", {});
  response.end();
}
