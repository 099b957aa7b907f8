import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { ask, contractConfig, makeKey, makeLinkedKey } from "./target.ts";
import { type WorkerTarget, workerTarget } from "./worker-target.ts";

type Upstream = (request: Request) => Response | Promise<Response>;

const event = (type: string, data: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
const usage = (output: number) => ({ input_tokens: 10, output_tokens: output });
const opening =
  event("message_start", { message: { id: "msg_1", type: "message", model: "claude-sonnet-4-5", usage: usage(1) } }) +
  event("content_block_delta", { index: 0, delta: { type: "text_delta", text: "Hé" } });
const ending =
  event("message_delta", { delta: { stop_reason: "end_turn" }, usage: usage(5) }) + event("message_stop", {});

const objectsWithout = (name: string) => {
  const classes = { LEDGER: "LedgerObject", AUDIT: "AuditObject", ALERTS: "AlertObject" };
  const others = Object.entries(classes).filter(([other]) => other !== name);
  return Object.fromEntries(others.map(([other, className]) => [other, { className, useSQLite: true }]));
};

describe("the Worker", () => {
  let target: WorkerTarget | undefined;
  afterEach(async () => {
    await target?.close();
    target = undefined;
  });
  const start = async (upstream: Upstream, options: Parameters<typeof workerTarget>[0] = {}) => {
    const miniflare = { outboundService: upstream as never, ...options?.miniflare };
    target = await workerTarget({ ...options, miniflare });
    return target;
  };

  it("streams an answer through as it comes, and charges what it says", async () => {
    let finish: (() => void) | undefined;
    let masterKey: string | null = null;
    const worker = await start((request) => {
      masterKey = request.headers.get("x-api-key");
      const encoder = new TextEncoder();
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(encoder.encode(opening));
          finish = () => {
            controller.enqueue(encoder.encode(ending));
            controller.close();
          };
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    });
    const { key } = await makeLinkedKey(worker);
    const made = await ask(worker, "POST", "/agents/create", {
      key,
      body: { name: "streams", autoProvisionAiKey: { provider: "anthropic", quotas: { maxTokensPerMonth: 1000 } } },
    });
    const response = await worker.fetch(`${worker.origin}/proxy/anthropic/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": made.body.aiKey.key, "content-type": "application/json" },
      body: JSON.stringify({ model: "m", max_tokens: 16, stream: true, messages: [{ role: "user", content: "Hi" }] }),
    });
    expect(response.status).toBe(200);
    const reader = response.body!.getReader();
    const decoder = new TextDecoder();
    let text = decoder.decode((await reader.read()).value, { stream: true });
    // The upstream has not ended, and what it sent is here.
    expect(text).toContain("Hé");
    finish!();
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += decoder.decode(part.value);
    expect(text).toBe(opening + ending);
    expect(masterKey).toBe("sk-ant-not-a-real-key-0000");
    await expect
      .poll(async () => (await ask(worker, "GET", "/agents/streams")).body.health.aiKey.quotas.maxTokensPerMonth)
      .toMatchObject({ used: 15, reserved: 0, left: 985 });
  });

  it("reads a compressed body, and counts what costs nothing by itself", async () => {
    let sent = "";
    const worker = await start(async (request) => {
      if (request.method === "GET") return Response.json({ data: [] });
      sent = await request.text();
      return Response.json({ type: "message", content: [], usage: { input_tokens: 10, output_tokens: 2 } });
    });
    const { key } = await makeLinkedKey(worker);
    const made = await ask(worker, "POST", "/agents/create", {
      key,
      body: { name: "packs", autoProvisionAiKey: { provider: "anthropic", quotas: { maxRequestsPerDay: 1 } } },
    });
    const headers = { "x-api-key": made.body.aiKey.key };
    const body = JSON.stringify({ model: "m", max_tokens: 16, messages: [{ role: "user", content: "Hi" }] });
    const packed = (encoding: string) =>
      worker.fetch(`${worker.origin}/proxy/anthropic/messages`, {
        method: "POST",
        headers: { ...headers, "content-encoding": encoding },
        body: new Uint8Array(gzipSync(body)),
      });
    expect((await packed("zstd")).status).toBe(415);
    expect((await packed("gzip")).status).toBe(200);
    expect(sent).toBe(body);
    expect((await packed("gzip")).status).toBe(429);
    expect((await worker.fetch(`${worker.origin}/proxy/anthropic/v1/models`, { headers })).status).toBe(200);
    expect((await worker.fetch(`${worker.origin}/proxy/anthropic`, { method: "HEAD" })).status).toBe(204);
    await expect
      .poll(async () => (await ask(worker, "GET", "/agents/packs/usage")).body)
      .toMatchObject({ total: { requests: 1, tokens: 12 }, models: [{ model: "m", requests: 1 }], freeCalls: 1 });
  });

  it("settles when the client leaves in the middle", async () => {
    let stop: (() => void) | undefined;
    // A socket that is closed is noticed when the next piece does not get through.
    const worker = await start(() => {
      let timer: NodeJS.Timeout;
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(opening));
          timer = setInterval(() => controller.enqueue(new TextEncoder().encode(event("ping", {}))), 100);
        },
        cancel: () => clearInterval(timer),
      });
      stop = () => clearInterval(timer);
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    });
    const { key } = await makeLinkedKey(worker);
    const made = await ask(worker, "POST", "/agents/create", {
      key,
      body: { name: "leaves", autoProvisionAiKey: { provider: "anthropic", quotas: { maxTokensPerMonth: 1000 } } },
    });
    const abort = new AbortController();
    const response = await worker.fetch(`${worker.origin}/proxy/anthropic/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": made.body.aiKey.key, "content-type": "application/json" },
      body: JSON.stringify({ model: "m", max_tokens: 16, stream: true, messages: [{ role: "user", content: "Hi" }] }),
      signal: abort.signal,
    });
    await response.body!.getReader().read();
    const quota = async () =>
      (await ask(worker, "GET", "/agents/leaves")).body.health.aiKey.quotas.maxTokensPerMonth as {
        used: number;
        reserved: number;
      };
    const { reserved } = await quota();
    expect(reserved).toBeGreaterThan(16);
    abort.abort();
    // The input that was told, and all the output that it may have written.
    await expect.poll(quota, { timeout: 10_000 }).toMatchObject({ used: 10 + 16, reserved: 0 });
    stop?.();
  });

  it("reads an answer that is no stream to its end when the client has left, and charges what it says", async () => {
    const arrived = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    const worker = await start(async () => {
      arrived.resolve();
      await answer.promise;
      return Response.json({ type: "message", content: [], usage: usage(5) });
    });
    const { key } = await makeLinkedKey(worker);
    const made = await ask(worker, "POST", "/agents/create", {
      key,
      body: { name: "reads-on", autoProvisionAiKey: { provider: "anthropic", quotas: { maxTokensPerMonth: 90_000 } } },
    });
    const abort = new AbortController();
    const left = worker.fetch(`${worker.origin}/proxy/anthropic/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": made.body.aiKey.key, "content-type": "application/json" },
      body: JSON.stringify({ model: "m", max_tokens: 9_000, messages: [{ role: "user", content: "Hi" }] }),
      signal: abort.signal,
    });
    await arrived.promise;
    abort.abort();
    await left.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 300));
    answer.resolve();
    const quota = async () =>
      (await ask(worker, "GET", "/agents/reads-on")).body.health.aiKey.quotas.maxTokensPerMonth as object;
    await expect.poll(quota, { timeout: 10_000 }).toMatchObject({ used: 15, reserved: 0 });
  });

  it("ends what is under way within two seconds of a suspension, and of the provider's revocation", async () => {
    const timers = new Set<NodeJS.Timeout>();
    const worker = await start(() => {
      let timer: NodeJS.Timeout;
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(opening));
          timer = setInterval(() => controller.enqueue(new TextEncoder().encode(event("ping", {}))), 50);
          timers.add(timer);
        },
        cancel: () => clearInterval(timer),
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    });
    const { key, provider } = await makeLinkedKey(worker);
    const made = await ask(worker, "POST", "/agents/create", {
      key,
      body: { name: "ends", autoProvisionAiKey: { provider: "anthropic", quotas: { maxTokensPerMonth: 1000 } } },
    });
    const endings: [RegExp, string, string][] = [
      [/"This key is suspended/, "/agents/ends/suspend", key],
      [
        /"The AI provider behind this key is revoked/,
        `/provisioning/ai-providers/${provider.id}/revoke`,
        worker.adminToken,
      ],
    ];
    for (const [message, path, by] of endings) {
      await ask(worker, "POST", "/agents/ends/resume", { key });
      const response = await worker.fetch(`${worker.origin}/proxy/anthropic/v1/messages`, {
        method: "POST",
        headers: { "x-api-key": made.body.aiKey.key, "content-type": "application/json" },
        body: JSON.stringify({ model: "m", max_tokens: 16, stream: true, messages: [{ role: "user", content: "Hi" }] }),
      });
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      let { value: text = "" } = await reader.read();
      expect((await ask(worker, "POST", path, { key: by })).status).toBe(200);
      const since = performance.now();
      for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
      expect(performance.now() - since).toBeLessThan(2_000);
      expect(text).toMatch(/\n\nevent: error\ndata: \{"type":"error"[^\n]*\n\n$/);
      expect(text).toMatch(message);
    }
    for (const timer of timers) clearInterval(timer);
  });

  it("revokes with its cron what could not be revoked at once", async () => {
    let revocable = false;
    const revoked: string[] = [];
    const worker = await start(async (request) => {
      const { pathname } = new URL(request.url);
      if (request.method === "POST")
        return Response.json({ key: "sk-or-test-not-a-real-key", data: { hash: "hash-1" } });
      if (!revocable) return Response.json({ error: { message: "try later" } }, { status: 503 });
      revoked.push(`${request.method} ${pathname}`);
      return Response.json({ deleted: true });
    });
    const provider = await ask(worker, "POST", "/provisioning/ai-providers", {
      key: worker.adminToken,
      body: { provider: "openrouter", name: "Contract", key: "sk-or-management-not-a-real-key", verify: false },
    });
    const { key } = await makeKey(worker, { aiProviderKeyId: provider.body.id });
    const made = await ask(worker, "POST", "/agents/create", {
      key,
      body: { name: "minted", autoProvisionAiKey: { provider: "openrouter", mode: "minted" } },
    });
    expect(made).toMatchObject({ status: 201, body: { aiKey: { mode: "minted" } } });
    expect((await ask(worker, "DELETE", "/agents/minted", { key })).status).toBe(200);
    await worker.maintain();
    expect(revoked).toEqual([]);
    revocable = true;
    await worker.maintain();
    expect(revoked).toEqual(["DELETE /api/v1/keys/hash-1"]);
    await worker.maintain();
    expect(revoked).toHaveLength(1);
  }, 60_000);

  it("answers 503 where a secret is missing or short, names it, and logs what it has to be", async () => {
    const lines: string[] = [];
    const worker = await start(() => new Response(), {
      variables: { OPENCLAW_PROVISIONING_SEAL_KEY: "c2hvcnQ", OPENCLAW_ADMIN_TOKEN: "short-admin" },
      log: (line) => lines.push(line),
    });
    for (const path of ["/healthz", "/api/v1/agents", "/proxy/anthropic/v1/messages"]) {
      const { status, body, headers } = await ask(worker, "GET", worker.origin + path);
      expect([status, headers.get("content-type")]).toEqual([503, "application/problem+json"]);
      expect(body).toMatchObject({
        code: "not_ready",
        detail: expect.stringContaining("OPENCLAW_PROVISIONING_SEAL_KEY"),
      });
      expect(body.detail).toContain("OPENCLAW_ADMIN_TOKEN");
      expect(JSON.stringify(body)).not.toMatch(/short-admin|c2hvcnQ|\bat /);
    }
    const text = lines.join("\n");
    expect(text).toMatch(/OPENCLAW_PROVISIONING_SEAL_KEY is not 32 bytes in base64url/);
    expect(text).not.toMatch(/short-admin|c2hvcnQ|worker\.js|\bat /);
  });

  it.each([
    ["RECORDS", { kvNamespaces: [] }],
    ["LEDGER", { durableObjects: objectsWithout("LEDGER") }],
    ["AUDIT", { durableObjects: objectsWithout("AUDIT") }],
    ["ALERTS", { durableObjects: objectsWithout("ALERTS") }],
  ])("answers 503 where the binding %s is missing, and names it", async (name, miniflare) => {
    const lines: string[] = [];
    const worker = await start(() => new Response(), { miniflare, log: (line) => lines.push(line) });
    for (const path of ["/readyz", "/api/v1/agents"]) {
      const { status, body } = await ask(worker, "GET", worker.origin + path);
      expect([status, body.code, body.detail]).toEqual([503, "not_ready", expect.stringContaining(`(${name})`)]);
    }
    expect(lines.join("\n")).toContain(`the binding ${name} is missing`);
  });

  it("says that a host of files is none of its own", async () => {
    const provisioning = { ...contractConfig.gateway.provisioning, host: { kind: "directory" } };
    const lines: string[] = [];
    const worker = await start(() => new Response(), {
      config: { gateway: { provisioning } },
      log: (line) => lines.push(line),
    });
    expect((await ask(worker, "GET", "/agents")).status).toBe(503);
    expect(lines.join("\n")).toContain('on a Worker it is \\"remote\\" or \\"registry\\"');
  });

  it("follows no redirect with a master key", async () => {
    const asked: string[] = [];
    const worker = await start((request) => {
      asked.push(new URL(request.url).host);
      return new Response(null, { status: 302, headers: { location: "https://elsewhere.example.org/" } });
    });
    const { key } = await makeLinkedKey(worker);
    const made = await ask(worker, "POST", "/agents/create", {
      key,
      body: { name: "redirected", autoProvisionAiKey: { provider: "anthropic" } },
    });
    await worker.fetch(`${worker.origin}/proxy/anthropic/v1/models`, {
      headers: { "x-api-key": made.body.aiKey.key },
      redirect: "manual",
    });
    expect(asked).toEqual(["api.anthropic.com"]);
  });
});
