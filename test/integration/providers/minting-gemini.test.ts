import { afterEach, beforeEach, expect, test } from "vitest";
import { leftoverKey } from "../../../src/providers/admin/minter-over.ts";
import { minterFor } from "../../../src/providers/minter-for.ts";
import { masterKeys, type SampleAdminApis, sampleAdminApis } from "../../upstream/sample-admin-apis.ts";
import { failureOf } from "./minting-failure.ts";

let apis: SampleAdminApis;
let slept: number[];
let now: number;
beforeEach(async () => {
  apis = await sampleAdminApis();
  slept = [];
  now = Date.now();
});
afterEach(() => apis.close());

const minter = (change: { credentials?: string; project?: string } = {}) =>
  minterFor(
    {
      kind: "gemini",
      project: "sample-project",
      masterKey: masterKeys.gemini,
      credentials: apis.serviceAccount,
      ...change,
    },
    {
      fetch,
      clock: { now: () => now },
      sleep: async (ms) => {
        slept.push(ms);
        now += ms;
      },
      timeoutMs: 2000,
      googleKeysOrigin: `${apis.origin}/google`,
    },
  )!;
const request = { operationId: "op1", agentId: "my_agent", name: "My agent", quotas: {} };

test("mints a key held to the Gemini API, waits for the operation, and revokes it, twice", async () => {
  apis.state.operationPolls = 3;
  const key = await minter().mint(request);
  expect(apis.state.googleKeys).toEqual([
    {
      id: key.remoteId,
      displayName: "My agent",
      restrictions: { apiTargets: [{ service: "generativelanguage.googleapis.com" }] },
      keyString: key.secret,
    },
  ]);
  expect(key.hint).toBe(`AIza...${key.secret.slice(-4)}`);
  expect(slept).toEqual([200, 400, 800]);
  await minter().revoke(key.remoteId);
  expect(apis.state.googleKeys[0]!.deleteTime).toBeDefined();
  expect(await minter().revoke(key.remoteId)).toBe(true);
});

test("one access token serves a whole minting", async () => {
  await minter().mint(request);
  expect(apis.seen.filter(({ path }) => path === "/google/token")).toHaveLength(1);
});

test("the operation is not waited for without end, and what it made is deleted", async () => {
  apis.state.operationPolls = 1000;
  const error = await failureOf(minter().mint(request));
  expect(error.code).toBe("provider_unreachable");
  expect(error.message).toContain("Google did not finish the operation within 20 s.");
  expect(slept.length).toBeLessThan(40);
  // The deletion's own operation does not end either; the key reads as deleted all the same.
  expect(apis.state.googleKeys[0]!.deleteTime).toBeDefined();
});

test("an operation that fails says why, and leaves nothing", async () => {
  apis.state.operationError = "Quota exceeded for keys of AIzaTestNotARealKeyAtAll.";
  const error = await failureOf(minter().mint(request));
  expect(error).toMatchObject({
    code: "provider_refused",
    message: "Google refused: Quota exceeded for keys of [key].",
  });
  expect(leftoverKey(error)).toBeUndefined();
});

test("a creation that is cut off leaves no key", async () => {
  apis.fail("POST", /keys\?/, { hang: "after" });
  const error = await failureOf(minter().mint(request));
  expect(error.code).toBe("provider_unreachable");
  expect(apis.state.googleKeys).toEqual([expect.objectContaining({ deleteTime: expect.anything() })]);
  expect(leftoverKey(error)).toBeUndefined();
});

test("a creation not yet there to be deleted is remembered", async () => {
  apis.fail("POST", /keys\?/, { hang: "before" });
  const left = leftoverKey(await failureOf(minter().mint(request)));
  expect(left).toMatchObject({ remoteId: "name:openclaw-my_agent-op1", unseen: true });
});

test("a key whose secret cannot be read is deleted", async () => {
  apis.fail("GET", /keyString$/, { status: 403, json: { error: { code: 403, message: "Permission denied." } } });
  const error = await failureOf(minter().mint(request));
  expect(error).toMatchObject({ code: "provider_refused", message: "Google refused: Permission denied (HTTP 403)." });
  expect(apis.state.googleKeys[0]!.deleteTime).toBeDefined();
});

test("a service account that Google does not know is refused before any key is made", async () => {
  const { serviceAccount } = await sampleAccountOfAnother();
  const credentials = JSON.stringify({
    ...JSON.parse(apis.serviceAccount),
    private_key: JSON.parse(serviceAccount).private_key,
  });
  const error = await failureOf(minter({ credentials }).mint(request));
  expect(error).toMatchObject({
    code: "provider_refused",
    message: "Google refused: Invalid JWT Signature (HTTP 400).",
  });
  expect(apis.seen).toHaveLength(1);
});

async function sampleAccountOfAnother() {
  const other = await sampleAdminApis();
  await other.close();
  return other;
}

test.each(["not json", "{}", '{"type":"authorized_user","client_email":"a@b","private_key":"PRIVATE KEY sk-secret"}'])(
  "credentials that are no service account's are named, not quoted: %s",
  (credentials) => {
    const problem = { code: "provider_settings", message: expect.stringContaining("service account's JSON key file") };
    expect(() => minter({ credentials })).toThrow(expect.objectContaining(problem));
  },
);

test("a private key that cannot sign is a setting's fault", async () => {
  const account = {
    ...JSON.parse(apis.serviceAccount),
    private_key: "-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----\n",
  };
  const error = await failureOf(minter({ credentials: JSON.stringify(account) }).mint(request));
  expect(error.code).toBe("provider_settings");
  expect(error.message).not.toContain("bm90");
});
