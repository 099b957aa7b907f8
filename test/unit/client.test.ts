import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ClientError, type ClientOptions, createClient, type Retry } from "../../src/client/client.ts";
import { retryAfterSeconds } from "../../src/client/read-answer.ts";
import { fakeService, problem } from "./run-cli.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

type Step = () => Response | Promise<Response>;

/** Answers one step after another, and the last one for ever. */
function script(steps: Step[], options: Partial<ClientOptions> = {}) {
  const requests: Request[] = [];
  const client = createClient({
    url: "http://127.0.0.1:1",
    token: "token",
    provisioningKey: "key",
    fetch: async (request) => {
      requests.push(request);
      return steps[Math.min(requests.length, steps.length) - 1]!();
    },
    ...options,
  });
  return { client, requests };
}

/** Settles the promise while an hour of fake time runs; resolves to its outcome. */
async function outcome<Value>(promise: Promise<Value>): Promise<Value | ClientError> {
  const settled = promise.catch((error: unknown) => error as ClientError);
  // Not until no timer is left: a stream of another file's that has not ended yet sets one after the other.
  await vi.advanceTimersByTimeAsync(3_600_000);
  return settled;
}

const created = { agentId: "a", name: "a", createdAt: "2026-11-22T18:00:00.000Z" };
const ok =
  (body: unknown = created) =>
  () =>
    Response.json(body);
const down = () => Promise.reject(new TypeError("fetch failed", { cause: { code: "ECONNRESET" } }));
const limited = (seconds: number) => () => {
  const response = problem(429, "rate_limited", "Too many requests");
  response.headers.set("retry-after", String(seconds));
  return response;
};

describe("address and credentials", () => {
  it.each([
    ["http://h:1", "http://h:1/api/v1/openapi.json"],
    ["http://h:1/", "http://h:1/api/v1/openapi.json"],
    ["https://h/custom/v2/", "https://h/custom/v2/openapi.json"],
  ])("%s reaches %s", async (url, expected) => {
    const { client, requests } = script([ok({})], { url });
    await client.openapi();
    expect(requests[0]?.url).toBe(expected);
    expect(requests[0]?.headers.get("authorization")).toBe("Bearer token");
    expect(requests[0]?.headers.get("x-agent-provisioning-key")).toBe("key");
  });

  it.each(["nowhere", "ftp://h", "http://user:secret@h", "http://h/?key=secret"])("refuses %s, unquoted", (url) => {
    const attempt = () => createClient({ url });
    expect(attempt).toThrow(TypeError);
    expect(attempt).not.toThrow(/secret/);
  });

  it("refuses a credential that no header can carry, without quoting it", () => {
    for (const options of [{ token: "se\ncret" }, { provisioningKey: "se cret" }, { token: "" }]) {
      const attempt = () => createClient({ url: "http://h", ...options });
      expect(attempt).toThrow(/printable ASCII/);
      expect(attempt).not.toThrow(/se\s?cret/);
    }
  });

  it("never follows a redirect, which would carry the key along", async () => {
    const { client, requests } = script([
      () => new Response(null, { status: 308, headers: { location: "https://elsewhere.example/" } }),
    ]);
    const error = await outcome(client.agents.get("a"));
    expect(requests[0]?.redirect).toBe("manual");
    expect(error).toMatchObject({ code: "unexpected_answer", status: 308 });
    expect((error as ClientError).message).toContain("https://elsewhere.example/");
  });
});

describe("errors", () => {
  it("carry the status, the code and the faults of the answer", async () => {
    const errors = [{ path: "name", message: "must not be empty" }];
    const { client } = script([() => problem(400, "invalid_body", "The body is not valid", { errors })]);
    const error = await outcome(client.agents.create({ name: "" }));
    expect(error).toBeInstanceOf(ClientError);
    expect(error).toMatchObject({
      status: 400,
      code: "invalid_body",
      detail: "The body is not valid",
      message: "The body is not valid",
      requestId: "req1",
      errors,
      retryAfter: undefined,
    });
  });

  it.each([
    [() => new Response("<html>", { status: 404 }), 404],
    [() => new Response("<html>", { status: 200 }), 200],
    [() => Response.json({ message: "no" }, { status: 401 }), 401],
  ])("tell somebody else's answer from the service's", async (answer, status) => {
    const { client } = script([answer]);
    expect(await outcome(client.agents.get("a"))).toMatchObject({ code: "unexpected_answer", status });
  });

  it.each([
    { code: "E1", detail: { reason: "no" } },
    { code: "E1", errors: { name: ["is missing"] } },
    { code: "E1", errors: [null] },
    { code: "E1", errors: [{ path: "a", message: "too many", most: "few" }] },
    { code: "E1", title: 7 },
  ])("of another service are told from this API's: %j", async (body) => {
    const error = await outcome(script([() => Response.json(body, { status: 400 })]).client.openapi());
    expect(error).toMatchObject({ code: "unexpected_answer", status: 400, errors: [] });
  });

  it.each([null, "ok", 1, true])("tell an answer of %j from this API's", async (body) => {
    const error = await outcome<unknown>(script([() => Response.json(body)]).client.openapi());
    expect(error).toMatchObject({ code: "unexpected_answer", status: 200 });
  });

  it("read Retry-After as seconds and as a date", () => {
    const now = Date.parse("2026-11-22T18:00:00Z");
    expect(retryAfterSeconds("7", now)).toBe(7);
    expect(retryAfterSeconds("Sun, 22 Nov 2026 18:00:30 GMT", now)).toBe(30);
    expect(retryAfterSeconds("Sun, 22 Nov 2026 17:00:00 GMT", now)).toBe(0);
    expect(retryAfterSeconds("soon", now)).toBeUndefined();
    expect(retryAfterSeconds(null, now)).toBeUndefined();
  });

  it.each([Number.POSITIVE_INFINITY, 2 ** 31, 1500.5])("are none of a timeout of %d ms", async (timeoutMs) => {
    const { client } = script([ok()], { timeoutMs });
    expect(await outcome(client.agents.create({ name: "a" }))).toEqual(created);
  });

  it("time out, the body included", async () => {
    vi.useRealTimers();
    const stalling = async ({ signal }: Request) =>
      new Response(
        new ReadableStream({
          start: (body) => signal.addEventListener("abort", () => body.error(signal.reason), { once: true }),
        }),
      );
    const client = createClient({ url: "http://h", timeoutMs: 20, retries: 0, fetch: stalling });
    await expect(client.agents.get("a")).rejects.toMatchObject({ code: "timeout", status: 0 });
  });

  it("time out where a stream of events does not begin, and let one go on that has", async () => {
    vi.useRealTimers();
    const silent = ({ signal }: Request) =>
      new Promise<Response>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const late = async ({ signal }: Request) => {
      const body = new ReadableStream<Uint8Array>({
        async start(stream) {
          signal.addEventListener("abort", () => stream.error(signal.reason));
          await new Promise((resolve) => setTimeout(resolve, 60));
          stream.enqueue(new TextEncoder().encode("data: 1\n\n"));
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    };
    const events = (fetch: (request: Request) => Promise<Response>) =>
      createClient({ url: "http://h", timeoutMs: 20, fetch }).events();
    await expect(events(silent).next()).rejects.toMatchObject({ code: "timeout", status: 0 });
    expect((await events(late).next()).value).toMatchObject({ data: 1 });
  });

  it.each(["retries", "maxRetryDelayMs", "timeoutMs"])("are not made with %s that is no number", (name) => {
    const made = (value: number) => () => createClient({ url: "http://h", [name]: value });
    for (const value of [Number.NaN, -1]) expect(made(value)).toThrow(`${name} must be a number from 0 on`);
    expect(made(0)).not.toThrow();
  });
});

describe("retries", () => {
  it("wait as long as Retry-After says, and a little more", async () => {
    const seen: number[] = [];
    const { client, requests } = script([limited(7), ok()], { onRetry: ({ delayMs }) => seen.push(delayMs) });
    const start = Date.now();
    expect(await outcome(client.agents.create({ name: "a" }))).toEqual(created);
    expect(requests).toHaveLength(2);
    expect(Date.now() - start).toBeGreaterThanOrEqual(7000);
    expect(seen[0]).toBeLessThanOrEqual(8000);
  });

  it("wait out the service's own rate limit, whose window is a minute", async () => {
    const seen: number[] = [];
    const { client, requests } = script([limited(60), ok()], { onRetry: ({ delayMs }) => seen.push(delayMs) });
    expect(await outcome(client.agents.create({ name: "a" }))).toEqual(created);
    expect(requests).toHaveLength(2);
    expect(seen).toEqual([60_000]);
  });

  it("are as many as asked for, none after a longer wait than allowed", async () => {
    const seen: number[] = [];
    const unready = () => problem(503, "not_ready", "Not ready");
    const options = { retries: 20, maxRetryDelayMs: 1_000, onRetry: ({ delayMs }: Retry) => seen.push(delayMs) };
    const { client, requests } = script([unready], options);
    expect(await outcome(client.agents.get("a"))).toMatchObject({ code: "not_ready" });
    expect(requests).toHaveLength(21);
    expect(Math.max(...seen)).toBeLessThanOrEqual(1_000);
  });

  it("do not wait longer than allowed", async () => {
    const { client, requests } = script([limited(61), ok()]);
    expect(await outcome(client.agents.create({ name: "a" }))).toMatchObject({ code: "rate_limited", retryAfter: 61 });
    expect(requests).toHaveLength(1);
  });

  it("end after `retries`", async () => {
    const unready = () => problem(503, "not_ready", "Not ready");
    const { client, requests } = script([unready], { retries: 3 });
    expect(await outcome(client.agents.get("a"))).toMatchObject({ code: "not_ready" });
    expect(requests).toHaveLength(4);
  });

  it("carry one Idempotency-Key through one call, and another through the next", async () => {
    const inFlight = () => problem(409, "idempotency_in_flight", "still running");
    const { client, requests } = script([down, inFlight, ok(), ok()]);
    await outcome(client.agents.create({ name: "a" }));
    await outcome(client.agents.rotateAiKey("a"));
    const keys = requests.map((request) => request.headers.get("idempotency-key"));
    expect(keys).toHaveLength(4);
    expect(new Set(keys.slice(0, 3)).size).toBe(1);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(keys[3]).not.toBe(keys[0]);
    expect(await requests[2]?.json()).toEqual({ name: "a" });
  });

  it("are not tried after a lost answer where doing it twice would show", async () => {
    const { client, requests } = script([down]);
    const calls = [
      () => client.agentKeys.create({ name: "k", scopes: ["agents:create"] }),
      () => client.agentKeys.rotate("k"),
      () => client.agents.delete("a"),
      () => client.aiProviders.add({ provider: "openai", name: "p", key: "sk-test-not-a-real-key" }),
    ];
    for (const call of calls) {
      expect(await outcome(call() as Promise<unknown>)).toMatchObject({ code: "network_error", status: 0 });
    }
    expect(requests).toHaveLength(calls.length);
  });

  it.each([
    ["store_unwritable", 1],
    ["audit_unwritable", 1],
    ["not_ready", 2],
    ["issuer_unreachable", 2],
  ])("after a 503 %s go on only where nothing can have been done", async (code, attempts) => {
    const { client, requests } = script([() => problem(503, code, "no"), ok()]);
    await outcome(client.agentKeys.create({ name: "k", scopes: ["agents:create"] }));
    expect(requests).toHaveLength(attempts);
    const again = script([() => problem(503, code, "no"), ok()]);
    expect(await outcome(again.client.agents.create({ name: "a" }))).toEqual(created);
    expect(again.requests).toHaveLength(2);
  });

  it("are not tried after a clear no", async () => {
    const { client, requests } = script([() => problem(409, "agent_exists", "exists")]);
    expect(await outcome(client.agents.create({ name: "a" }))).toMatchObject({ code: "agent_exists" });
    expect(requests).toHaveLength(1);
  });

  it("stop at once when the caller aborts", async () => {
    const { client, requests } = script([limited(30)]);
    const controller = new AbortController();
    const result = client.agents.get("a", { signal: controller.signal }).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(10);
    controller.abort(new Error("enough"));
    expect(await result).toMatchObject({ message: "enough" });
    expect(requests).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("calls", () => {
  it("go where the API has them", async () => {
    const service = fakeService({});
    const client = createClient({ url: "http://h", fetch: service.fetch, retries: 0 });
    const key = { name: "k", scopes: ["agents:create" as const] };
    const calls: (() => Promise<unknown>)[] = [
      () => client.agents.create({ name: "a" }, { respondAsync: true, idempotencyKey: "i" }),
      () => client.agents.list({ limit: 5, cursor: "a b" }),
      () => client.agents.get("a/../b"),
      () => client.agents.update("a", { model: "m" }),
      () => client.agents.delete("a", { deleteSessions: true }),
      () => client.agents.onboard("a", { steps: ["model"], model: "m" }),
      () => client.agents.suspend("a"),
      () => client.agents.resume("a"),
      () => client.agents.usage("a", { from: "2026-11-01", to: undefined }),
      () => client.agents.credit("a", { estimates: true }),
      () => client.agents.rotateAiKey("a", { graceSeconds: 0 }),
      () => client.aiProviders.add({ provider: "openai", name: "p", key: "sk-test-not-a-real-key" }),
      () => client.aiProviders.list(),
      () => client.aiProviders.revoke("p"),
      () => client.agentKeys.create(key),
      () => client.agentKeys.list(),
      () => client.agentKeys.revoke("k"),
      () => client.agentKeys.rotate("k", { graceSeconds: 5 }),
      () => client.audit.list({ limit: 1 }),
      () => client.audit.verify(),
      () => client.openapi(),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: "not_found" });
    expect(service.calls.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "POST /agents/create",
      "GET /agents?limit=5&cursor=a+b",
      "GET /agents/a%2F..%2Fb",
      "PATCH /agents/a",
      "DELETE /agents/a",
      "POST /agents/a/onboard",
      "POST /agents/a/suspend",
      "POST /agents/a/resume",
      "GET /agents/a/usage?from=2026-11-01",
      "POST /agents/a/credit",
      "POST /agents/a/ai-key/rotate",
      "POST /provisioning/ai-providers",
      "GET /provisioning/ai-providers",
      "POST /provisioning/ai-providers/p/revoke",
      "POST /provisioning/agent-keys",
      "GET /provisioning/agent-keys",
      "POST /provisioning/agent-keys/k/revoke",
      "POST /provisioning/agent-keys/k/rotate",
      "GET /provisioning/audit?limit=1",
      "GET /provisioning/audit/verify",
      "GET /openapi.json",
    ]);
    expect(service.calls[0]?.headers.get("prefer")).toBe("respond-async");
    expect(service.calls[4]?.body).toEqual({ deleteSessions: true });
  });

  it.each(["", ".", "..", "a\ud800"])(
    "are not made for %j, which is no id and would reach another route",
    async (id) => {
      const { client, requests } = script([ok()]);
      const calls = [
        () => client.agents.usage(id),
        () => client.agents.get(id),
        () => client.agents.delete(id),
        () => client.prices.unset("openai", id),
        () => client.prices.unset(id, "m"),
        () => client.webhooks.resend("hook", id),
      ];
      for (const call of calls)
        expect(await outcome<unknown>(call())).toMatchObject({ code: "invalid_path", status: 0 });
      expect(requests).toEqual([]);
      await outcome(client.agents.get("..."));
      await outcome(client.agents.get("a..b"));
      expect(requests.map(({ url }) => new URL(url).pathname)).toEqual(["/api/v1/agents/...", "/api/v1/agents/a..b"]);
    },
  );

  it.each(["text/html", "application/json"])("read no answer of type %s as a stream of events", async (type) => {
    const page = () => new Response("{}", { headers: { "content-type": type } });
    const events = script([page]).client.events();
    expect(await outcome(events.next())).toMatchObject({ code: "unexpected_answer", status: 200 });
  });

  it("walk every page and stop when the caller does", async () => {
    const agent = (agentId: string) => ({ agentId });
    const service = fakeService({
      "GET /agents": { agents: [agent("a"), agent("b")], nextCursor: "b" },
      "GET /agents?cursor=b": { agents: [agent("c")] },
    });
    const client = createClient({ url: "http://h", fetch: service.fetch });
    const seen: string[] = [];
    for await (const { agentId } of client.agents.all()) seen.push(agentId);
    expect(seen).toEqual(["a", "b", "c"]);
    for await (const _ of client.agents.all()) break;
    expect(service.calls).toHaveLength(3);
  });
});
