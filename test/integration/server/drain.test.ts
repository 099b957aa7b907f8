import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { meteredClient } from "../../metered-agent.ts";
import { rawConnection, statusesIn } from "../../raw-http.ts";
import { makeStateDir, type ServerProcess, startServerProcess, token } from "../../server-process.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

/** A create whose body comes in two parts, on a connection that its client means to keep. */
function slowCreate(server: ServerProcess, key: string, name: string) {
  const body = JSON.stringify({ name });
  const sent = request(`${server.origin}/api/v1/agents/create`, {
    method: "POST",
    agent: new Agent({ keepAlive: true }),
    headers: { authorization: `Bearer ${token}`, "x-agent-provisioning-key": key, "content-length": body.length },
  });
  sent.write(body.slice(0, 5));
  const answer = new Promise<{ status: number; text: string; connection: string | undefined }>((resolve, reject) => {
    sent.on("error", reject).on("response", (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, text, connection: response.headers.connection }),
      );
    });
  });
  return { finish: () => sent.end(body.slice(5)), answer };
}

describe.each([
  ["one process", {}],
  ["two worker processes", { OPENCLAW_WORKERS: "2" }],
])("%s", (_, several) => {
  let stateDir: string;
  let upstream: SampleUpstream;
  beforeAll(async () => {
    stateDir = await makeStateDir();
    upstream = await startSampleUpstream();
  });
  afterAll(async () => {
    await upstream.close();
    rmSync(stateDir, { recursive: true, force: true });
  });

  it("SIGTERM lets what is under way finish, admits nothing metered, and ends with 0 as soon as nothing is under way", async () => {
    const server = await startServerProcess(stateDir, { ...several, OPENCLAW_DRAIN_SECONDS: "30" });
    const { client, key } = await meteredClient(server, upstream);
    const { aiKey } = await client.agents.create({
      name: "streamer",
      autoProvisionAiKey: { provider: "anthropic" },
      revealAiKey: true,
    });
    upstream.behave({ pieces: 10, intervalMs: 200 });
    const stream = await fetch(`${server.origin}/proxy/anthropic/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": aiKey!.key!, "anthropic-version": "2023-06-01", "content-type": "application/json" },
      body: JSON.stringify({ model: "m", max_tokens: 64, stream: true, messages: [{ role: "user", content: "hi" }] }),
    });
    expect(stream.status).toBe(200);
    const streamed = stream.text();
    const slow = slowCreate(server, key, "slow");
    // One that never says anything, and one that is kept after a request: neither may hold up the stop.
    const silent = connect(Number(new URL(server.origin).port), "127.0.0.1").on("error", () => {});
    const kept = new Agent({ keepAlive: true });
    await new Promise((resolve) =>
      request(`${server.origin}/healthz`, { agent: kept }, (response) => response.resume().on("end", resolve)).end(),
    );
    await sleep(150);

    const stoppedAt = performance.now();
    const stopped = server.stop();
    await sleep(300);
    const during = await fetch(`${server.origin}/readyz`);
    expect([during.status, await during.json()]).toEqual([503, { status: "draining" }]);
    expect((await fetch(`${server.origin}/healthz`)).status).toBe(200);
    const refused = await fetch(`${server.origin}/proxy/anthropic/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": aiKey!.key!, "anthropic-version": "2023-06-01", "content-type": "application/json" },
      body: JSON.stringify({ model: "m", max_tokens: 64, messages: [{ role: "user", content: "hi" }] }),
    });
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("2");
    expect(refused.headers.get("connection")).toBe("close");
    expect(await refused.json()).toMatchObject({ type: "error", error: { message: /being restarted/ } });
    // No failure of the service: nobody is to be woken for it.
    const metrics = await fetch(`${server.origin}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    expect(await metrics.text()).toContain('{provider="-",outcome="refused_draining"} 1');
    slow.finish();
    expect(await slow.answer).toMatchObject({ status: 201, connection: "close" });
    const text = await streamed;
    expect(text).toContain("message_stop");
    const streamedAfter = performance.now() - stoppedAt;
    expect(streamedAfter).toBeGreaterThan(500);
    expect(await stopped).toBe(0);
    const took = performance.now() - stoppedAt;
    expect(took).toBeLessThan(5_000);
    // Once all is answered there is nothing to wait for.
    expect(took - streamedAfter).toBeLessThan(1_500);
    expect(server.output()).toBe("");
    silent.destroy();
    kept.destroy();

    // An answer given during the stop is kept, and the stream's cost is charged.
    const again = await startServerProcess(stateDir, several);
    const asked = (path: string) =>
      fetch(`${again.origin}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } }).then((one) =>
        one.json(),
      );
    expect(await asked("/agents/slow")).toMatchObject({ agentId: "slow", status: "needs_auth" });
    expect(await asked("/agents/streamer/usage")).toMatchObject({ total: { requests: 1 } });
    expect(await again.stop()).toBe(0);
  });

  it("SIGTERM waits for what is read to its end though its client has left", async () => {
    const server = await startServerProcess(stateDir, { ...several, OPENCLAW_DRAIN_SECONDS: "30" });
    const { client } = await meteredClient(server, upstream);
    const { aiKey } = await client.agents.create({
      name: "leaver",
      autoProvisionAiKey: { provider: "anthropic", quotas: { maxTokensPerMonth: 100_000 } },
      revealAiKey: true,
    });
    upstream.behave("reset");
    upstream.behave({ delayMs: 1_500 });
    upstream.seen.length = 0;
    const leave = new AbortController();
    const left = fetch(`${server.origin}/proxy/anthropic/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": aiKey!.key!, "anthropic-version": "2023-06-01", "content-type": "application/json" },
      body: JSON.stringify({ model: "m", max_tokens: 9_000, messages: [{ role: "user", content: "hi" }] }),
      signal: leave.signal,
    });
    await expect.poll(() => upstream.seen.length).toBe(1);
    leave.abort();
    await expect(left).rejects.toThrow();
    await sleep(100);
    expect(await server.stop()).toBe(0);
    expect(server.output()).toBe("");
    const again = await startServerProcess(stateDir, several);
    const usage = await fetch(`${again.origin}/api/v1/agents/leaver/usage`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(await usage.json()).toMatchObject({ total: { requests: 1, tokens: 19 } });
    expect(await again.stop()).toBe(0);
    upstream.behave("reset");
  });

  it("SIGTERM waits for no body whose request is answered already", async () => {
    const server = await startServerProcess(stateDir, { ...several, OPENCLAW_DRAIN_SECONDS: "30" });
    const { socket, send } = await rawConnection(server.origin);
    const answered = new Promise((resolve) => socket.once("data", (text) => resolve(statusesIn(String(text)))));
    const head = "POST /proxy/anthropic/v1/messages HTTP/1.1\r\nHost: a\r\nX-Api-Key: none\r\nContent-Length: 9";
    await send(`${head}\r\n\r\n{`);
    expect(await answered).toEqual([401]);
    const stoppedAt = performance.now();
    expect(await server.stop()).toBe(0);
    expect(performance.now() - stoppedAt).toBeLessThan(8_000);
    socket.destroy();
  });

  it("what never ends is cut once the drain is over: streams with an error, and the log says what that was charged", async () => {
    const config = JSON.parse(readFileSync(join(stateDir, "config.json"), "utf8"));
    writeFileSync(join(stateDir, "config.json"), JSON.stringify({ ...config, logging: { level: "info" } }));
    const server = await startServerProcess(stateDir, { ...several, OPENCLAW_DRAIN_SECONDS: "1" });
    const { client, key } = await meteredClient(server, upstream);
    const { aiKey } = await client.agents.create({
      name: "endless",
      autoProvisionAiKey: { provider: "anthropic" },
      revealAiKey: true,
    });
    const ask = (stream: boolean) =>
      fetch(`${server.origin}/proxy/anthropic/v1/messages`, {
        method: "POST",
        headers: { "x-api-key": aiKey!.key!, "anthropic-version": "2023-06-01", "content-type": "application/json" },
        body: JSON.stringify({ model: "m", max_tokens: 64, stream, messages: [{ role: "user", content: "hi" }] }),
      });
    upstream.behave({ pieces: 1_000, intervalMs: 100 });
    const streaming = await ask(true);
    const streamed = streaming.text();
    upstream.behave({ delayMs: 60_000 });
    const waiting = ask(false);
    const never = slowCreate(server, key, "never");
    never.answer.catch(() => {});
    await sleep(150);
    const stoppedAt = performance.now();
    expect(await server.stop()).toBe(0);
    expect(performance.now() - stoppedAt).toBeGreaterThan(1_000);
    expect(performance.now() - stoppedAt).toBeLessThan(8_000);
    const events = (await streamed).trim().split("\n\n");
    expect(events.at(-1)).toMatch(/^event: error\ndata: .*was restarted while the answer was under way/);
    const answer = await waiting;
    expect([answer.status, JSON.stringify(await answer.json())]).toEqual([503, expect.stringContaining("restarted")]);
    await expect(never.answer).rejects.toThrow();

    const lines = server.output().trim().split("\n");
    // Each process tells of its own.
    const cuts = lines.map((line) => JSON.parse(line)).filter(({ message }) => message.includes("cut at the end"));
    const sum = (name: "requests" | "tokens") => cuts.reduce((total, cut) => total + cut[name], 0);
    expect([cuts[0].level, sum("requests")]).toEqual(["warn", 2]);
    upstream.behave("reset");
    const again = await startServerProcess(stateDir, several);
    const usage = await fetch(`${again.origin}/api/v1/agents/endless/usage`, {
      headers: { authorization: `Bearer ${token}` },
    }).then((one) => one.json());
    expect(usage).toMatchObject({ total: { requests: 2, tokens: sum("tokens") } });
    expect(sum("tokens")).toBeGreaterThan(0);
    expect(await again.stop()).toBe(0);
  });
});
