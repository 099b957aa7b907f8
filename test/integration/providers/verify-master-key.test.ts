import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ProviderKind } from "../../../src/domain/provider-facts.ts";
import { verifyMasterKey } from "../../../src/providers/verify.ts";
import { masterKeys, type SampleAdminApis, sampleAdminApis } from "../../upstream/sample-admin-apis.ts";

let apis: SampleAdminApis;
beforeEach(async () => {
  apis = await sampleAdminApis();
});
afterEach(() => apis.close());

const paths: Record<ProviderKind, string> = {
  anthropic: "/anthropic",
  openai: "/openai/v1",
  openrouter: "/openrouter/api/v1",
  gemini: "/gemini",
  litellm: "/litellm",
  custom: "/custom",
};
const verify = (kind: ProviderKind, key: string, extra: { credentials?: string; baseUrl?: string | undefined } = {}) =>
  verifyMasterKey({ kind, key, baseUrl: apis.origin + paths[kind], ...extra }, { fetch, timeoutMs: 500 });

test.each<[ProviderKind, string, string]>([
  ["anthropic", masterKeys.anthropic, "/anthropic/v1/models?limit=1"],
  ["anthropic", masterKeys.anthropicAdmin, "/anthropic/v1/organizations/me"],
  ["openai", masterKeys.openai, "/openai/v1/models"],
  ["openai", masterKeys.openaiAdmin, "/openai/v1/organization/projects?limit=1"],
  ["openrouter", masterKeys.openrouter, "/openrouter/api/v1/key"],
  ["gemini", masterKeys.gemini, "/gemini/v1beta/models?pageSize=1"],
  ["litellm", masterKeys.litellm, "/litellm/v1/models"],
  ["custom", masterKeys.custom, "/custom/models"],
])("%s: a right key is verified by one read (%s)", async (kind, key, path) => {
  expect(await verify(kind, key)).toEqual({ outcome: "verified" });
  expect(apis.seen.map((request) => `${request.method} ${request.path}`)).toEqual([`GET ${path}`]);
  expect(apis.seen[0]!.path).not.toContain(key);
});

test.each<[ProviderKind, string, string]>([
  ["anthropic", "sk-ant-api03-wrong-not-a-real-key", "invalid x-api-key (HTTP 401)"],
  ["openai", "sk-proj-wrong-not-a-real-key", "Incorrect API key provided: [key]. Find yours in the console (HTTP 401)"],
  ["openrouter", "sk-or-v1-wrong-not-a-real-key", "User not found (HTTP 401)"],
  ["gemini", "AIzaWrongNotARealKeyAtAll", "API key not valid. Please pass a valid API key (HTTP 400)"],
  [
    "litellm",
    "wrong-not-a-real-key",
    "Authentication Error, Invalid proxy server token passed. Received API Key = [key] (HTTP 401)",
  ],
  ["custom", "wrong-not-a-real-key", "forbidden (HTTP 403)"],
])("%s: a wrong key is refused in the provider's words, without the key", async (kind, key, message) => {
  expect(await verify(kind, key)).toEqual({ outcome: "refused", message });
});

describe("what says nothing about the key is not a refusal", () => {
  test("a base URL where there is no such API", async () => {
    const checked = await verify("custom", masterKeys.custom, { baseUrl: `${apis.origin}/nothing-here` });
    expect(checked).toEqual({
      outcome: "unreachable",
      message: "The AI provider did not answer about it: it gave no reason (HTTP 404)",
    });
  });

  test("a page that is not JSON", async () => {
    apis.fail("GET", /./, { status: 200, text: "<h1>Welcome</h1>" });
    expect(await verify("openai", masterKeys.openai)).toEqual({
      outcome: "unreachable",
      message: "OpenAI answered with something that is not JSON",
    });
  });

  test.each([429, 500, 503, 529])("HTTP %i", async (status) => {
    apis.fail("GET", /./, { status, json: { error: { message: "busy" } } });
    expect(await verify("anthropic", masterKeys.anthropic)).toMatchObject({
      outcome: "unreachable",
      message: expect.stringContaining(`(HTTP ${status}): busy`),
    });
  });

  test("no answer in time", async () => {
    apis.fail("GET", /./, { hang: "before" });
    expect(await verify("anthropic", masterKeys.anthropic)).toEqual({
      outcome: "unreachable",
      message: "Anthropic did not answer within 0.5 s",
    });
  });

  test("nobody at that port", async () => {
    await apis.close();
    expect(await verify("custom", masterKeys.custom)).toEqual({
      outcome: "unreachable",
      message: "The AI provider could not be reached (ECONNREFUSED)",
    });
  });

  test("no base URL where the provider has no address of its own", async () => {
    expect(await verify("custom", masterKeys.custom, { baseUrl: undefined })).toMatchObject({ outcome: "unreachable" });
    expect(apis.seen).toEqual([]);
  });
});

test("a redirect is never followed with the key", async () => {
  apis.fail("GET", /./, { status: 302, headers: { location: `${apis.origin}/elsewhere` } });
  expect(await verify("openai", masterKeys.openai)).toMatchObject({
    outcome: "unreachable",
    message: expect.stringContaining("redirects"),
  });
  expect(apis.seen).toHaveLength(1);
});

test("a fetch error's own text is not passed on: it can quote a header", async () => {
  const checked = await verifyMasterKey(
    { kind: "openai", key: "sk-test-not-a-real-key" },
    { fetch: async () => Promise.reject(new TypeError("invalid header value: Bearer sk-test-not-a-real-key")) },
  );
  expect(checked).toEqual({ outcome: "unreachable", message: "OpenAI could not be reached" });
});

describe("Gemini's service account is checked as well", () => {
  const withCredentials = (credentials: string) => verify("gemini", masterKeys.gemini, { credentials });

  test("a right one", async () => {
    expect(await withCredentials(apis.serviceAccount)).toEqual({ outcome: "verified" });
  });

  test("one that Google refuses", async () => {
    const credentials = JSON.stringify({
      ...JSON.parse(apis.serviceAccount),
      client_email: "other@sample.iam.example",
    });
    expect(await withCredentials(credentials)).toEqual({
      outcome: "refused",
      message: "Google refused: Invalid JWT Signature (HTTP 400)",
    });
  });

  test("one that is none", async () => {
    expect(await withCredentials("{}")).toMatchObject({
      outcome: "refused",
      message: expect.stringContaining("key file"),
    });
  });

  test("one whose token endpoint is down", async () => {
    apis.fail("POST", /token/, { status: 503 });
    expect(await withCredentials(apis.serviceAccount)).toMatchObject({ outcome: "unreachable" });
  });
});
