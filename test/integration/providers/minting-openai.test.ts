import { afterEach, beforeEach, expect, test } from "vitest";
import { leftoverKey, remoteIdOfMark } from "../../../src/providers/admin/minter-over.ts";
import { minterFor } from "../../../src/providers/minter-for.ts";
import { masterKeys, type SampleAdminApis, sampleAdminApis } from "../../upstream/sample-admin-apis.ts";
import { failureOf } from "./minting-failure.ts";

let apis: SampleAdminApis;
beforeEach(async () => {
  apis = await sampleAdminApis();
});
afterEach(() => apis.close());

const clock = { now: () => Date.parse("2026-11-22T18:00:00.000Z") };
const minter = (change: { masterKey?: string; project?: string; baseUrl?: string } = {}) =>
  minterFor(
    {
      kind: "openai",
      baseUrl: `${apis.origin}/openai/v1`,
      project: "proj_sample",
      masterKey: masterKeys.openaiAdmin,
      ...change,
    },
    { fetch, clock, timeoutMs: 300 },
  )!;
const request = { operationId: "op1", agentId: "my-agent", name: "My agent", quotas: {} };
const accountPath = /service_accounts$/;

test("mints a service account and revokes it by deleting the account", async () => {
  const key = await minter().mint(request);
  expect(apis.state.accounts).toEqual([{ id: key.remoteId, name: "openclaw-my-agent-op1", keys: [key.secret] }]);
  expect(key.hint).toBe(`sk-svcacct-...${key.secret.slice(-4)}`);
  await minter().revoke(key.remoteId);
  expect(apis.state.accounts).toEqual([]);
  expect(apis.seen.at(-1)).toMatchObject({
    method: "DELETE",
    path: `/openai/v1/organization/projects/proj_sample/service_accounts/${key.remoteId}`,
  });
});

test("revoking twice is revoking once", async () => {
  const { remoteId } = await minter().mint(request);
  await minter().revoke(remoteId);
  expect(await minter().revoke(remoteId)).toBe(true);
});

test("asks for a key where the account comes without one", async () => {
  apis.state.nullApiKey = true;
  const key = await minter().mint(request);
  expect(apis.state.accounts).toEqual([{ id: key.remoteId, name: "openclaw-my-agent-op1", keys: [key.secret] }]);
});

test("deletes the account where its key is refused", async () => {
  apis.state.nullApiKey = true;
  apis.fail("POST", /api_keys$/, { status: 403, json: { error: { message: "Key creation is switched off." } } });
  const error = await failureOf(minter().mint(request));
  expect(error).toMatchObject({
    code: "provider_refused",
    message: "OpenAI refused: Key creation is switched off (HTTP 403).",
  });
  expect(apis.state.accounts).toEqual([]);
  expect(leftoverKey(error)).toBeUndefined();
});

test("remembers the account where neither its key nor its deletion comes through", async () => {
  apis.state.nullApiKey = true;
  apis.fail("POST", /api_keys$/, { hang: "before" });
  apis.fail("DELETE", /./, { status: 500 });
  const error = await failureOf(minter().mint(request));
  const left = leftoverKey(error);
  expect(left).toEqual({
    remoteId: apis.state.accounts[0]!.id,
    unseen: false,
  });
  await minter().revoke(left!.remoteId);
  expect(apis.state.accounts).toEqual([]);
});

test("passes the expiry on, and refuses one beyond what OpenAI allows", async () => {
  await minter().mint({ ...request, expiresAt: "2026-11-22T19:00:00.000Z" });
  expect(JSON.parse(apis.seen.at(-1)!.body)).toEqual({ name: "openclaw-my-agent-op1", expires_in_seconds: 3600 });
  const error = await failureOf(
    minter().mint({ ...request, operationId: "op2", expiresAt: "2028-01-01T00:00:00.000Z" }),
  );
  expect(error.code).toBe("mode_not_supported");
  expect(apis.state.accounts).toHaveLength(1);
});

test("a refusal quotes OpenAI without the key it echoes, and leaves nothing to look for", async () => {
  const masterKey = "sk-admin-other-not-a-real-key";
  const error = await failureOf(minter({ masterKey }).mint(request));
  expect(error.code).toBe("provider_refused");
  expect(error.message).toContain("Incorrect API key provided: [key]");
  expect(error.message).not.toContain(masterKey);
  expect(apis.seen).toHaveLength(1);
});

test("a creation that is cut off leaves no account, on whichever page it is listed", async () => {
  for (let at = 0; at < 250; at++)
    apis.state.accounts.push({ id: `svc_acct_other${at}`, name: `other ${at}`, keys: [] });
  apis.fail("POST", accountPath, { hang: "after" });
  const error = await failureOf(minter().mint(request));
  expect(error).toMatchObject({ code: "provider_unreachable", message: "OpenAI did not answer within 0.3 s." });
  expect(leftoverKey(error)).toBeUndefined();
  expect(apis.seen.filter(({ method }) => method === "GET")).toHaveLength(3);
  expect(apis.state.accounts).toHaveLength(250);
});

test("a creation that takes effect after the look for it is revoked later", async () => {
  apis.fail("POST", accountPath, { hang: "before" });
  const error = await failureOf(minter().mint(request));
  const left = leftoverKey(error);
  const keyName = "openclaw-my-agent-op1";
  expect(left).toEqual({ remoteId: `name:${keyName}`, unseen: true });
  expect(error.message).toContain('"openclaw-my-agent-op1" may have been left');
  expect(await minter().revoke(left!.remoteId)).toBe(false);
  apis.state.accounts.push({ id: "svc_acct_late", name: keyName, keys: ["late"] });
  expect(await minter().revoke(left!.remoteId)).toBe(true);
  expect(apis.state.accounts).toEqual([]);
});

test("a creation whose connection breaks leaves no account", async () => {
  apis.fail("POST", accountPath, { drop: "after" });
  const error = await failureOf(minter().mint(request));
  expect(error.code).toBe("provider_unreachable");
  expect(apis.state.accounts).toEqual([]);
});

test("cleanup after a crash knows its own accounts from others", async () => {
  await minter().mint(request);
  await minter().mint({ ...request, operationId: "op2" });
  const remoteId = remoteIdOfMark({ operationId: "op1", agentId: "my-agent" });
  expect(await minter().revoke(remoteId)).toBe(true);
  expect(apis.state.accounts.map(({ name }) => name)).toEqual(["openclaw-my-agent-op2"]);
  expect(await minter().revoke(remoteId)).toBe(false);
});

test("a port where nobody listens leaves nothing to look for", async () => {
  await apis.close();
  const error = await failureOf(minter().mint(request));
  expect(error).toMatchObject({ code: "provider_unreachable", message: "OpenAI could not be reached (ECONNREFUSED)." });
  expect(leftoverKey(error)).toBeUndefined();
});

test("a 404 that is not the provider's does not pass for revoked", async () => {
  const { remoteId } = await minter().mint(request);
  apis.fail("DELETE", /./, { status: 404, text: "<h1>no such site</h1>" });
  const error = await failureOf(minter().revoke(remoteId));
  expect(error.code).toBe("provider_refused");
  expect(apis.state.accounts).toHaveLength(1);
});

test("never follows a redirect with the key", async () => {
  apis.fail("POST", accountPath, { status: 307, headers: { location: `${apis.origin}/elsewhere` } });
  const error = await failureOf(minter().mint(request));
  expect(error.message).toBe("OpenAI refused: it redirects, and a key is not sent on; check the base URL (HTTP 307).");
  expect(apis.seen.map(({ path }) => path)).not.toContain("/elsewhere");
});

test("a rate limit is not taken for a key that may exist", async () => {
  apis.fail("POST", accountPath, { status: 429, json: { error: { message: "Slow down." } } });
  const error = await failureOf(minter().mint(request));
  expect(error).toMatchObject({
    code: "provider_unreachable",
    message: "OpenAI is limiting requests (HTTP 429): Slow down.",
  });
  expect(apis.seen).toHaveLength(1);
});

test("an id that would climb out of its path is never sent", async () => {
  await expect(minter().revoke("..")).rejects.toMatchObject({ code: "provider_settings" });
  await minter()
    .revoke("../../users/admin")
    .catch(() => {});
  expect(apis.seen.map(({ path }) => path)).toEqual([
    "/openai/v1/organization/projects/proj_sample/service_accounts/..%2F..%2Fusers%2Fadmin",
  ]);
  expect(() => minter({ project: ".." })).toThrow(expect.objectContaining({ code: "provider_settings" }));
});
