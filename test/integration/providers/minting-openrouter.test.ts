import { afterEach, beforeEach, expect, test } from "vitest";
import { leftoverKey } from "../../../src/providers/admin/minter-over.ts";
import { minterFor } from "../../../src/providers/minter-for.ts";
import { masterKeys, type SampleAdminApis, sampleAdminApis } from "../../upstream/sample-admin-apis.ts";
import { failureOf } from "./minting-failure.ts";

let apis: SampleAdminApis;
beforeEach(async () => {
  apis = await sampleAdminApis();
});
afterEach(() => apis.close());

const minter = (masterKey = masterKeys.openrouter) =>
  minterFor(
    { kind: "openrouter", baseUrl: `${apis.origin}/openrouter/api/v1`, masterKey },
    { fetch, clock: { now: () => 0 }, timeoutMs: 300 },
  )!;
const request = { operationId: "op1", agentId: "my-agent", name: "My agent", quotas: {} };

test("mints with an expiry, and revokes by hash, twice", async () => {
  const key = await minter().mint({ ...request, expiresAt: "2026-12-01T00:00:00.000Z" });
  expect(apis.state.openrouterKeys).toMatchObject([
    { hash: key.remoteId, key: key.secret, name: "openclaw-my-agent-op1", expires_at: "2026-12-01T00:00:00.000Z" },
  ]);
  await minter().revoke(key.remoteId);
  await minter().revoke(key.remoteId);
  expect(apis.state.openrouterKeys).toEqual([]);
});

test("a budget is the key's limit in USD, counted anew each month, whoever's account at the model pays", async () => {
  await minter().mint({ ...request, budgetUsdPerMonth: 12.5 });
  expect(JSON.parse(apis.seen.at(-1)!.body)).toEqual({
    name: "openclaw-my-agent-op1",
    limit: 12.5,
    limit_reset: "monthly",
    include_byok_in_limit: true,
  });
});

test("without a budget nothing is said of limits", async () => {
  await minter().mint(request);
  expect(JSON.parse(apis.seen.at(-1)!.body)).toEqual({ name: "openclaw-my-agent-op1" });
});

test("a refusal says what OpenRouter said", async () => {
  const error = await failureOf(minter("sk-or-v1-other-not-a-real-key").mint(request));
  expect(error).toMatchObject({ code: "provider_refused", message: "OpenRouter refused: User not found (HTTP 401)." });
});

test("a creation that is cut off leaves no key, disabled or on a later page", async () => {
  apis.state.openrouterPageSize = 2;
  for (let at = 0; at < 5; at++) {
    const name = at < 2 ? "openclaw-my-agent-op1" : `other ${at}`;
    apis.state.openrouterKeys.push({ hash: `old${at}`, name, key: "not-a-key", disabled: at === 0 });
  }
  apis.fail("POST", /keys$/, { hang: "after" });
  const error = await failureOf(minter().mint(request));
  expect(error.code).toBe("provider_unreachable");
  expect(leftoverKey(error)).toBeUndefined();
  expect(apis.state.openrouterKeys.map(({ hash }) => hash)).toEqual(["old2", "old3", "old4"]);
});

test("a server error is looked after too, and remembered while it lasts", async () => {
  apis.fail("POST", /keys$/, { status: 500 });
  apis.fail("GET", /keys/, { status: 503 });
  const left = leftoverKey(await failureOf(minter().mint(request)));
  expect(left).toMatchObject({ remoteId: "name:openclaw-my-agent-op1", unseen: false });
  expect(await minter().revoke(left!.remoteId)).toBe(false);
});

test("a key that arrives without its secret is revoked by its hash", async () => {
  apis.state.openrouterKeys.push({ hash: "hash-known", name: "whatever", key: "not-a-key", disabled: false });
  apis.fail("POST", /keys$/, { status: 201, json: { data: { hash: "hash-known" } } });
  const error = await failureOf(minter().mint(request));
  expect(error.message).toBe("OpenRouter answered in a shape that is not known.");
  expect(apis.state.openrouterKeys).toEqual([]);
});

test("a secret that could not stand in a header is not used", async () => {
  apis.fail("POST", /keys$/, { status: 201, json: { key: "sk-or\r\nx: y", data: { hash: "hash1" } } });
  const error = await failureOf(minter().mint(request));
  expect(error.code).toBe("provider_unreachable");
});

test("an answer without an end is given up", async () => {
  const endless: typeof fetch = async () =>
    new Response(new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(1_048_576)) }), { status: 201 });
  const error = await failureOf(
    minterFor(
      { kind: "openrouter", masterKey: masterKeys.openrouter },
      { fetch: endless, clock: { now: () => 0 } },
    )!.mint(request),
  );
  expect(error.message).toContain("not JSON");
});
