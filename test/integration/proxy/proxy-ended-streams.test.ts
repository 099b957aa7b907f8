import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openSqliteLedger } from "../../../adapters/node/sqlite/sqlite-ledger.ts";
import type { ProviderKind } from "../../../src/domain/provider-facts.ts";
import type { AiKeyState } from "../../../src/schema/ai-key.ts";
import type { AiProviderRecord } from "../../../src/schema/ai-provider.ts";
import { aiKeyLedger, aiProviderRecent } from "../../../src/storage/ledger-names.ts";
import { type ProxyStand, proxyStand, type Transport } from "../../proxy-stand.ts";

const revoked = (provider: AiProviderRecord): string =>
  JSON.stringify({ ...provider, revokedAt: "2026-11-28T00:00:00.000Z", version: 1 });

/** A stream under way ends when the key that it rests on falls, or the provider behind it. */

const openAi: [string, Record<string, unknown>] = [
  "/proxy/openai/v1/chat/completions",
  { model: "gpt-5", messages: [], stream: true },
];
const shapes: [name: string, kind: ProviderKind, path: string, body: Record<string, unknown>, event: RegExp][] = [
  [
    "anthropic",
    "anthropic",
    "/proxy/anthropic/v1/messages",
    { model: "claude-sonnet-4-5", max_tokens: 99, messages: [], stream: true },
    /\n\nevent: error\ndata: \{"type":"error","error":\{"type":"invalid_request_error","message":"This key is suspended[^\n]*\n\n$/,
  ],
  ["openai chat", "openai", ...openAi, /\n\ndata: \{"error":\{"message":"This key is suspended[^\n]*\n\n$/],
  [
    "openai responses",
    "openai",
    "/proxy/openai/v1/responses",
    { model: "gpt-5", input: "x", stream: true },
    /\n\nevent: error\ndata: \{"type":"error","code":null,"message":"This key is suspended[^\n]*"error":\{[^\n]*\n\n$/,
  ],
  [
    "gemini",
    "gemini",
    "/proxy/gemini/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
    { contents: [] },
    /\n\ndata: \{"error":\{"code":400,"message":"This key is suspended[^\n]*\n\n$/,
  ],
];

const event = 'data: {"choices":[{"delta":{"content":"on and on"}}]}\n\n';
function endless(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  const timer = setInterval(() => response.write(event), 20);
  response.on("close", () => clearInterval(timer));
}

const opened: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(opened.map((close) => close())));

async function open(kind: ProviderKind = "openai") {
  const rig = { seen: 0, left: Promise.resolve() as Promise<unknown>, answering: endless };
  const directory = mkdtempSync(join(tmpdir(), "ended-streams-"));
  const upstream = createServer((asked, response) => {
    asked.resume().on("end", () => {
      rig.seen++;
      rig.left = once(response, "close");
      rig.answering(response);
    });
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const { port } = upstream.address() as AddressInfo;
  const ledgerPath = join(directory, "ledger.sqlite");
  const quotas = { maxTokensPerMonth: 1_000_000 };
  const stand = await proxyStand({ kind, upstream: `http://127.0.0.1:${port}`, quotas, ledgerPath });
  /** Another process's handle on the same ledger. */
  const elsewhere = await openSqliteLedger({ path: ledgerPath, clock: stand.context.clock });
  opened.push(async () => {
    await elsewhere.close();
    await stand.close();
    upstream.closeAllConnections();
    upstream.close();
    rmSync(directory, { recursive: true });
  });
  return Object.assign(rig, {
    stand,
    elsewhere,
    /** As another process writes it; the record lags. */
    async changeState(change: Partial<AiKeyState>): Promise<void> {
      const { state } = stand.stored["ai-keys"].get(stand.keyId)!;
      await elsewhere.put(aiKeyLedger(stand.keyId).state, JSON.stringify({ ...state, version: 2, ...change }));
    },
    async post(transport: Transport, [path, body] = openAi): Promise<Response> {
      return await stand.fetchBy(transport)(path, {
        method: "POST",
        headers: { authorization: `Bearer ${stand.key}`, "x-api-key": stand.key, "x-goog-api-key": stand.key },
        body: JSON.stringify(body),
      });
    },
  });
}
type Rig = Awaited<ReturnType<typeof open>>;

/** Reads to the end, after `change` is made when the first bytes are there. */
async function readWhile(
  response: Response,
  change: () => Promise<unknown>,
): Promise<{ text: string; tookMs: number }> {
  let text = "";
  let changedAt = 0;
  try {
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
      text += piece;
      if (changedAt > 0) continue;
      changedAt = performance.now();
      await change();
    }
  } catch {
    text += "<cut>";
  }
  return { text, tookMs: performance.now() - changedAt };
}

describe.concurrent.each<Transport>(["node", "fetch"])("over %s", (transport) => {
  it.each(shapes)(
    "a stream ends within two seconds with an error as %s sends it",
    async (_, kind, path, body, last) => {
      const rig = await open(kind);
      const { stand, changeState } = rig;
      const response = await rig.post(transport, [path, body]);
      const { text, tookMs } = await readWhile(response, () => changeState({ status: "suspended" }));
      expect(tookMs).toBeLessThan(2_000);
      expect(text).toMatch(last);
      await rig.left;
      await expect.poll(async () => (await stand.quota("maxTokensPerMonth")).reserved).toBe(0);
      expect((await stand.quota("maxTokensPerMonth")).used).toBeGreaterThan(0);
    },
  );

  const endings: [string, (rig: Rig) => Promise<unknown>][] = [
    ["is deleted", ({ changeState }) => changeState({ status: "revoked" })],
    ["is rotated without grace", ({ changeState }) => changeState({ digest: "0".repeat(64) })],
    ["expires", ({ changeState }) => changeState({ expiresAt: new Date(Date.now() - 1_000).toISOString() })],
    [
      "has a provider that is revoked",
      ({ elsewhere, stand }) => elsewhere.put(aiProviderRecent(stand.provider.id), revoked(stand.provider)),
    ],
  ];
  it.each(endings)("a stream ends when its key %s", async (_, change) => {
    const rig = await open();
    const { text, tookMs } = await readWhile(await rig.post(transport), () => change(rig));
    expect(tookMs).toBeLessThan(2_000);
    expect(text).toMatch(
      /data: \{"error":\{"message":"(The API key is not valid|The AI provider behind this key is revoked)/,
    );
    await rig.left;
  });

  it("a stream goes on when its key is rotated with grace, or changed otherwise", async () => {
    const rig = await open();
    const { stand, changeState } = rig;
    const { digest } = stand.stored["ai-keys"].get(stand.keyId)!.state;
    rig.answering = (response) => {
      endless(response);
      setTimeout(() => response.end("data: [DONE]\n\n"), 2_200);
    };
    const until = new Date(Date.now() + 60_000).toISOString();
    const { text } = await readWhile(await rig.post(transport), () =>
      changeState({ digest: "0".repeat(64), previous: [{ digest, until }], quotas: { maxRequestsPerDay: 5 } }),
    );
    expect(text).toMatch(/\[DONE\]\n\n$/);
    expect(text).not.toContain("error");
  });

  it("the event under way is not broken: it ends first, or at the second look", async () => {
    const rig = await open("anthropic");
    const { changeState } = rig;
    const half = 'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"he';
    rig.answering = (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(half);
    };
    const hanging = await readWhile(await rig.post(transport, [shapes[0]![2], shapes[0]![3]]), () =>
      changeState({ status: "suspended" }),
    );
    expect(hanging.text.startsWith(`${half}\n\nevent: error\ndata: {`)).toBe(true);
    await changeState({ status: "active" });
    rig.answering = (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(half);
      setTimeout(() => response.write('llo"}}\n\ndata: more'), 1_400);
    };
    const ending = await readWhile(await rig.post(transport, [shapes[0]![2], shapes[0]![3]]), () =>
      changeState({ status: "suspended" }),
    );
    expect(ending.text).toMatch(/event: error\ndata: \{"type":"error"[^\n]*\n\n$/);
  });

  it("a request whose answer has not begun is refused, and one that is no stream is cut", async () => {
    const rig = await open();
    const { stand, changeState } = rig;
    rig.answering = () => void changeState({ status: "suspended" });
    const refused = await rig.post(transport);
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain("suspended");
    expect((await stand.quota("maxTokensPerMonth")).used).toBeGreaterThan(0);
    await changeState({ status: "active" });
    rig.answering = (response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.write('{"choices":');
    };
    const { text, tookMs } = await readWhile(await rig.post(transport), () => changeState({ status: "suspended" }));
    expect(text).toBe('{"choices":<cut>');
    expect(tookMs).toBeLessThan(2_000);
  });
});

describe("a body that comes late", () => {
  async function lateBody(stand: ProxyStand, change: () => unknown): Promise<number> {
    const body = JSON.stringify({ model: "gpt-5", messages: [] });
    const sent = request(`${stand.origin}/proxy/openai/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${stand.key}`, "content-length": String(body.length) },
    });
    const answered = once(sent, "response");
    sent.write(body.slice(0, 5));
    await new Promise((resolve) => setTimeout(resolve, 100));
    await change();
    sent.end(body.slice(5));
    const [response] = await answered;
    response.resume();
    return response.statusCode;
  }

  it("carries no master key of a provider that was revoked meanwhile, though its record lag", async () => {
    const rig = await open();
    const { stand, elsewhere } = rig;
    rig.answering = (response) => response.end("{}");
    const { provider } = stand;
    const revoke = () =>
      stand.stored["ai-providers"].set(provider.id, { ...provider, revokedAt: new Date().toISOString() });
    expect(await lateBody(stand, revoke)).toBe(401);
    stand.stored["ai-providers"].set(provider.id, provider);
    expect(await lateBody(stand, () => undefined)).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await lateBody(stand, () => elsewhere.put(aiProviderRecent(provider.id), revoked(provider)))).toBe(401);
    expect(rig.seen).toBe(1);
  });
});
