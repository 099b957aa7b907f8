import { afterAll, beforeAll, expect, test } from "vitest";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";
import { masterKey, type ProvisionedGateway, provisionedGateway } from "./provisioned-gateway.ts";

let on: ProvisionedGateway;
let openai: SampleUpstream;

beforeAll(async () => {
  openai = await startSampleUpstream();
  openai.behave({ usesTools: false });
  on = await provisionedGateway();
}, 600_000);
afterAll(async () => {
  await on?.close();
  await openai?.close();
});

test("a key is added to an agent, moved to another provider and taken away; its session goes on meanwhile", async () => {
  const { gateway, upstream, key } = on;
  const other = await on.link("openai", `${openai.origin}/v1`);
  const turn = async (message: string) => (await gateway.turn("late", message, "agent:late:main")).status;
  const made = await gateway.api("POST", "/agents/create", { name: "late", model: "claude-sonnet-3.5" }, key);
  expect(made.status).toBe(201);
  const quotas = { maxRequestsPerDay: 50 };
  const added = await gateway.api("POST", "/agents/late/ai-key", { provider: "anthropic", quotas }, key);
  expect(added).toMatchObject({ status: 200, body: { aiKey: { provider: "anthropic", quotas } } });
  expect(await turn("the first words")).toBe(200);
  expect(upstream.seen.at(-1)!.headers["x-api-key"]).toBe(masterKey);

  const seen = upstream.seen.length;
  const moved = await gateway.api("PUT", "/agents/late/ai-key", { provider: "openai", model: "gpt-5.1" }, other);
  expect(moved).toMatchObject({ status: 200, body: { model: "gpt-5.1", aiKey: { provider: "openai", quotas } } });
  expect(await turn("after the move")).toBe(200);
  expect(upstream.seen.length).toBe(seen);
  expect(openai.seen.at(-1)!.headers.authorization).toBe(`Bearer ${masterKey}`);
  expect(openai.seen.at(-1)!.body).toContain("the first words");
  const { body } = await gateway.api("GET", "/agents/late");
  // The new key counts the request from before the move too.
  expect(body).toMatchObject({
    status: "ready",
    model: "gpt-5.1",
    health: { aiKey: { quotas: { maxRequestsPerDay: { limit: 50, left: 48 } } } },
  });

  const asked = openai.seen.length;
  expect((await gateway.api("DELETE", "/agents/late/ai-key", undefined, key)).status).toBe(200);
  expect(await turn("without a key")).not.toBe(200);
  expect([upstream.seen.length, openai.seen.length]).toEqual([seen, asked]);
  expect((await gateway.api("GET", "/agents/late")).body.status).toBe("needs_auth");

  const again = await gateway.api(
    "POST",
    "/agents/late/ai-key",
    { provider: "anthropic", model: "claude-sonnet-3.5" },
    key,
  );
  expect(again.status).toBe(200);
  expect(await turn("with the next one")).toBe(200);
  expect(upstream.seen.length).toBe(seen + 1);
}, 300_000);
