/** Thousands of idle streams, and the largest bodies: the memory of the server, and the longest pause of its event loop. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { Agent, createServer, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  adminClient,
  keyedClient,
  makeStateDir,
  type ServerProcess,
  startServerProcess,
} from "../test/server-process.ts";
import { rssMbOf } from "./resident-memory.ts";
import type { Row } from "./row.ts";

const streams = 2_000;
const bodyBytes = 20_000_000;
const bodiesEach = 6;
const path = "/proxy/openai/v1/chat/completions";

/** Streams are silent after their first event; everything else is answered at once. */
async function startUpstream() {
  const open = new Set<ServerResponse>();
  const server = createServer((incoming, response) => {
    incoming.on("end", () => {
      if (!incoming.headers.accept?.includes("event-stream")) {
        const usage = { prompt_tokens: 5_000_000, completion_tokens: 2, total_tokens: 5_000_002 };
        const choices = [{ index: 0, message: { role: "assistant", content: "hello" }, finish_reason: "stop" }];
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ id: "bench", object: "chat.completion", model: "gpt-5", choices, usage }));
        return;
      }
      open.add(response);
      response.writeHead(200, { "content-type": "text/event-stream" });
      const choices = [{ index: 0, delta: { content: "hello" }, finish_reason: null }];
      response.write(
        `data: ${JSON.stringify({ id: "bench", object: "chat.completion.chunk", model: "gpt-5", choices })}\n\n`,
      );
    });
    incoming.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The shapes in which twenty megabytes come. */
const bodies: Record<string, () => string> = {
  "Chinese, with a bound of ours put in": () =>
    JSON.stringify({ model: "gpt-5", messages: [{ role: "user", content: "漢字とかな。".repeat(bodyBytes / 18) }] }),
  "one text": () => bodyOf([{ role: "user", content: "The quick brown fox. ".repeat(bodyBytes / 21) }]),
  "20,000 messages": () =>
    bodyOf(
      Array.from({ length: 20_000 }, (_, at) => ({ role: at % 2 ? "assistant" : "user", content: "x".repeat(960) })),
    ),
  "an image": () =>
    bodyOf([
      {
        role: "user",
        content: [
          { type: "text", text: "see" },
          { type: "image_url", image_url: { url: `data:image/png;base64,${png()}` } },
        ],
      },
    ]),
};
const bodyOf = (messages: unknown[]): string => JSON.stringify({ model: "gpt-5", max_completion_tokens: 16, messages });

/** A small picture's beginning, and twenty megabytes of something behind it. */
function png(): string {
  const head = Buffer.from("89504e470d0a1a0a0000000d49484452000001000000010008020000000000000000000000", "hex");
  return Buffer.concat([head, Buffer.alloc((bodyBytes / 4) * 3 - head.length, 7)]).toString("base64");
}

export async function benchStreams(): Promise<Row[]> {
  const upstream = await startUpstream();
  const stateDir = await makeStateDir({ proxy: { maxConcurrentPerKey: 10_000 } });
  const loopFile = join(stateDir, "loop");
  const server = await startServerProcess(stateDir, {
    NODE_OPTIONS: `--max-semi-space-size=8 --import ${join(import.meta.dirname, "loop-delay.mjs")}`,
    BENCH_LOOP_FILE: loopFile,
  });
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  try {
    const key = await meteredKey(server, upstream.origin);
    const pause = () => longestPause(server.pid, loopFile);
    const send = (body: string, stream = false) =>
      new Promise<void>((resolve, reject) => {
        const headers = {
          authorization: `Bearer ${key}`,
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
          ...(stream && { accept: "text/event-stream" }),
        };
        const sent = request(server.origin + path, { method: "POST", agent, headers }, (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (chunk: string) => {
            text += chunk;
            if (stream) resolve();
          });
          response.once("end", () => {
            if (response.statusCode === 200) resolve();
            else reject(new Error(`the proxy answered ${response.statusCode}: ${text}`));
          });
        });
        sent.on("error", reject).end(body);
      });
    const rows: Row[] = [];
    for (const [name, make] of Object.entries(bodies)) {
      const body = make();
      await send(body);
      await pause();
      for (let at = 0; at < bodiesEach; at++) await send(body);
      const { wall, cpu } = await pause();
      const pauseOf = `a body of 20 MB, ${name}: longest pause of the loop`;
      rows.push(
        { name: `${pauseOf}, CPU`, value: cpu, unit: "ms", aim: "<= 50 ms" },
        { name: `${pauseOf}, by the clock`, value: wall, unit: "ms", aim: "<= 50 ms, on an idle machine" },
      );
    }
    const body = JSON.stringify({
      model: "gpt-5",
      stream: true,
      max_completion_tokens: 16,
      messages: [{ role: "user", content: "hi" }],
    });
    const before = rssMbOf(server.pid);
    for (let at = 0; at < streams; at += 50) await Promise.all(Array.from({ length: 50 }, () => send(body, true)));
    await sleep(3_000);
    rows.push(
      { name: "RSS after those bodies", value: before, unit: "MB" },
      { name: `${streams} idle streams: RSS`, value: rssMbOf(server.pid), unit: "MB", aim: "<= 400 MB" },
      { name: `${streams} idle streams: longest pause of the loop, CPU`, value: (await pause()).cpu, unit: "ms" },
    );
    return rows;
  } finally {
    agent.destroy();
    await server.kill();
    upstream.close();
    rmSync(stateDir, { recursive: true, force: true });
  }
}

async function meteredKey({ origin }: ServerProcess, upstream: string): Promise<string> {
  const provider = { provider: "openai", name: "bench", key: "sk-bench-not-a-real-key", verify: false } as const;
  const { id } = await adminClient(origin).aiProviders.add({ ...provider, baseUrl: `${upstream}/v1` });
  const { client } = await keyedClient(origin, { aiProviderKeyId: id });
  const autoProvisionAiKey = { provider: "openai", quotas: { maxTokensPerMonth: 1_000_000_000_000 } } as const;
  const { aiKey } = await client.agents.create({ name: "bench", autoProvisionAiKey, revealAiKey: true });
  return aiKey!.key!;
}

/** In milliseconds: by the clock, and of CPU time. */
async function longestPause(pid: number, file: string): Promise<{ wall: number; cpu: number }> {
  const read = (): string[] => (existsSync(file) ? readFileSync(file, "utf8").split(" ").filter(Boolean) : []);
  const before = read().length;
  process.kill(pid, "SIGUSR2");
  while (read().length === before) await sleep(10);
  const [wall, cpu] = read().at(-1)!.split(",").map(Number);
  return { wall: wall!, cpu: cpu! };
}
