import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type ProxyStand, proxyStand, type Transport } from "../../proxy-stand.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

let upstream: SampleUpstream;
let stand: ProxyStand;
beforeAll(async () => {
  upstream = await startSampleUpstream();
  stand = await proxyStand({ kind: "openai", upstream: upstream.origin, quotas: { maxRequestsPerDay: 6 } });
});
afterAll(async () => {
  await stand.close();
  await upstream.close();
});
afterEach(() => {
  upstream.behave("reset");
  stand.context.settings.logLevel = "info";
  stand.logs.length = 0;
});

describe.each(["node", "fetch"] as Transport[])("the log of a metered call over %s", (transport) => {
  async function call(key = stand.key) {
    const response = await stand.fetchBy(transport)("/proxy/openai/v1/chat/completions", {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "gpt-5", max_tokens: 9, messages: [{ role: "user", content: "hi" }] }),
    });
    await response.text();
    await stand.idle();
    const requestId = response.headers.get("x-request-id");
    const ownId = response.headers.get("x-openclaw-request-id");
    return { status: response.status, requestId, ownId, logs: stand.logs.splice(0) };
  }

  it("has nothing of one that was answered, and on debug a line with its request id and its cost", async () => {
    expect((await call()).logs).toEqual([]);
    stand.context.settings.logLevel = "debug";
    upstream.behave({ headers: { "x-request-id": "req_of_the_provider" } });
    const { status, requestId, ownId, logs } = await call();
    expect([status, requestId]).toEqual([200, "req_of_the_provider"]);
    // A client that finds `500` in an error's text tries it again.
    expect(ownId).toMatch(/^req_[a-z]+$/);
    expect(logs).toMatchObject([
      {
        level: "debug",
        message: "metered request",
        fields: { requestId: ownId, agentId: "agent-a", model: "gpt-5", outcome: "answered" },
      },
    ]);
    expect((logs[0]!.fields as { tokens: number }).tokens).toBeGreaterThan(0);
  });

  it("has the reason of what the provider's failure becomes", async () => {
    upstream.behave({ status: 503 });
    expect(await call()).toMatchObject({
      status: 503,
      logs: [{ level: "info", message: "metered request", fields: { reason: "503", provider: "openai" } }],
    });
  });

  it("has the reason of a refusal, with the request id that it answers; without a valid key on debug alone", async () => {
    if (transport === "fetch") while ((await call()).status === 200);
    else await stand.changeState({ status: "suspended" });
    const { status, requestId, logs } = await call();
    expect(status).toBe(transport === "node" ? 400 : 429);
    expect(logs).toMatchObject([
      {
        level: "info",
        message: "a metered request was refused",
        fields: { requestId, status, provider: "openai", message: expect.stringMatching(/suspended|quota/) },
      },
    ]);
    await stand.changeState({ status: "active" });
    const unknown = await call("ocv_unknown");
    expect(unknown).toMatchObject({ status: 401, logs: [{ level: "debug", fields: { status: 401 } }] });
  });
});
