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

const clock = { now: () => Date.parse("2026-11-22T18:00:00.000Z") };
const minter = (masterKey = masterKeys.litellm, path = "/litellm") =>
  minterFor({ kind: "litellm", baseUrl: apis.origin + path, masterKey }, { fetch, clock, timeoutMs: 300 })!;
const request = { operationId: "op1", agentId: "my-agent", name: "My agent", quotas: {} };

test("mints with the request limit and the expiry, and revokes, twice", async () => {
  const key = await minter().mint({
    ...request,
    quotas: { maxRequestsPerMinute: 30 },
    expiresAt: "2026-11-22T19:00:00.000Z",
  });
  expect(apis.state.litellmKeys).toMatchObject([{ token: key.remoteId, key: key.secret }]);
  expect(apis.state.litellmKeys[0]!.body).toEqual({
    key_alias: "openclaw-my-agent-op1",
    metadata: { agent: "my-agent", agent_name: "My agent" },
    rpm_limit: 30,
    duration: "3600s",
  });
  await minter().revoke(key.remoteId);
  await minter().revoke(key.remoteId);
  expect(apis.state.litellmKeys).toEqual([]);
});

test("a budget is in USD and counted anew each month", async () => {
  await minter().mint({ ...request, budgetUsdPerMonth: 0.25 });
  expect(apis.state.litellmKeys[0]!.body).toMatchObject({ max_budget: 0.25, budget_duration: "1mo" });
});

test("finds the management API beside a base URL given with /v1", async () => {
  await minter(masterKeys.litellm, "/litellm/v1/").mint(request);
  expect(apis.seen.at(-1)!.path).toBe("/litellm/key/generate");
});

test.each([undefined, "sk-minted-not-a-real-key"])("the id kept is never the key itself (token %s)", async (token) => {
  apis.fail("POST", /generate/, { status: 200, json: { key: "sk-minted-not-a-real-key", token } });
  const key = await minter().mint(request);
  expect(key.remoteId).toBe("468942d9d4187edef8d0860ddb93ed5316911bbd2c614071c34cacea6576d1eb");
});

test("an older version's 400 for a key that is not there counts as revoked, and for one that is does not", async () => {
  apis.state.litellmMissing = 400;
  const { remoteId } = await minter().mint(request);
  apis.fail("POST", /delete/, { status: 400, json: { error: { message: "database is locked" } } });
  expect(await failureOf(minter().revoke(remoteId))).toMatchObject({ code: "provider_refused" });
  await minter().revoke(remoteId);
  expect(await minter().revoke(remoteId)).toBe(true);
});

test.each([200, 400, 404])(
  "a version that answers %i to an alias of no key does not pass for having had it",
  async (as) => {
    apis.state.litellmMissing = as;
    apis.fail("POST", /generate/, { drop: "before" });
    const left = leftoverKey(await failureOf(minter().mint(request)));
    expect(left).toMatchObject({ remoteId: "name:openclaw-my-agent-op1", unseen: true });
    expect(await minter().revoke(left!.remoteId)).toBe(false);
    await apis.arrive();
    expect(await minter().revoke(left!.remoteId)).toBe(true);
    expect(apis.state.litellmKeys).toEqual([]);
  },
);

test("without a list of keys, the deletion's own answer counts", async () => {
  apis.fail("GET", /list/, { status: 403, json: { error: { message: "not allowed" } } }, 2);
  apis.fail("POST", /generate/, { drop: "before" });
  const left = leftoverKey(await failureOf(minter().mint(request)));
  expect(left).toMatchObject({ unseen: true });
  await apis.arrive();
  expect(await minter().revoke(left!.remoteId)).toBe(true);
});

test.each([
  ["fails", { status: 503, json: { error: { message: "down" } } }],
  ["is of another shape", { status: 200, json: {} }],
])("a key that may be made yet is not taken for revoked where the list of keys %s", async (_, fault) => {
  apis.state.litellmMissing = 200;
  apis.fail("GET", /list/, fault);
  apis.fail("POST", /generate/, { drop: "before" });
  const left = leftoverKey(await failureOf(minter().mint(request)));
  expect(left).toMatchObject({ unseen: true });
  await apis.arrive();
  expect(await minter().revoke(left!.remoteId)).toBe(true);
  expect(apis.state.litellmKeys).toEqual([]);
});

test("litellm issue 18731: a plaintext key echoed in an error is not passed on", async () => {
  const masterKey = "sk-other-not-a-real-key";
  const error = await failureOf(minter(masterKey).mint(request));
  expect(error.code).toBe("provider_refused");
  expect(error.message).toContain("Received API Key = [key]");
  expect(error.message).not.toContain(masterKey);
});

test("a creation that is cut off leaves no key", async () => {
  apis.fail("POST", /generate/, { hang: "after" });
  const error = await failureOf(minter().mint(request));
  expect(error).toMatchObject({ code: "provider_unreachable", message: "LiteLLM did not answer within 0.3 s." });
  expect(apis.state.litellmKeys).toEqual([]);
  expect(leftoverKey(error)).toBeUndefined();
});

test("where the look for it fails too, the key is remembered by its alias", async () => {
  apis.fail("POST", /generate/, { hang: "after" });
  apis.fail("POST", /delete/, { hang: "before" });
  const left = leftoverKey(await failureOf(minter().mint(request)));
  expect(apis.state.litellmKeys).toHaveLength(1);
  await minter().revoke(left!.remoteId);
  expect(apis.state.litellmKeys).toEqual([]);
});
