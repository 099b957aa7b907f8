import { createHmac } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { VerifyJwt } from "../../../src/http/bearer.ts";
import { createVerifyJwt } from "../../../src/http/verify-jwt.ts";
import type { Context } from "../../../src/service/context.ts";
import { parseSettings } from "../../../src/settings.ts";
import { audience, type IssuerKey, type JwtIssuer, makeIssuerKey, startJwtIssuer } from "../../jwt-issuer.ts";

let issuer: JwtIssuer;
let first: IssuerKey;
let second: IssuerKey;
let rsa: IssuerKey;

beforeAll(async () => {
  issuer = await startJwtIssuer();
  [first, second, rsa] = await Promise.all([makeIssuerKey("k1"), makeIssuerKey("k2"), makeIssuerKey("r1", "RS256")]);
});
afterAll(() => issuer.close());
beforeEach(() => {
  issuer.publish(first, rsa);
  issuer.answer(undefined);
});
afterEach(() => void vi.useRealTimers());

function verifier(jwks: Record<string, unknown> = {}): VerifyJwt {
  const auth = { jwks: { issuer: issuer.url, audience, algorithms: ["ES256", "RS256"], ...jwks } };
  const { provisioning } = parseSettings({ gateway: { provisioning: { auth } } }, "test");
  const context = {
    settings: { provisioning },
    clock: { now: () => Date.now() },
    fetch: (input: string | URL | Request, init?: RequestInit) => fetch(input, init),
  } as unknown as Context;
  return createVerifyJwt(context)!;
}

/** All that a token of the issuer's says besides its scopes. */
const someone = { actor: "jwt:someone", reach: "all", bearerExpiresAt: expect.stringMatching(/^2\d{3}-.*Z$/) };
const now = () => Math.floor(Date.now() / 1000);
const segment = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const claims = () => ({ iss: issuer.url, aud: audience, sub: "someone", exp: now() + 300 });

it("is off where no issuer is configured", () => {
  const { provisioning } = parseSettings({}, "test");
  expect(createVerifyJwt({ settings: { provisioning } } as unknown as Context)).toBeUndefined();
});

it.each(["HS256", "none", "dir"])("refuses settings that allow %s", (algorithm) => {
  expect(() => verifier({ algorithms: [algorithm] })).toThrow(/auth\.jwks\.algorithms/);
});

describe("a token that is valid", () => {
  it("stands for its subject, and has no scopes without a rule", async () => {
    expect(await verifier()(await issuer.sign(first))).toEqual({ ...someone, scopes: [] });
    expect(await verifier()(await issuer.sign(rsa))).toMatchObject({ actor: "jwt:someone" });
  });

  it("may have one of several audiences", async () => {
    const verify = verifier({ audience: ["one", "two"] });
    expect(await verify(await issuer.sign(first, { aud: ["other", "two"] }))).toBeDefined();
    expect(await verify(await issuer.sign(first, { aud: ["other"] }))).toBeUndefined();
  });

  it("has an end that can be stored, however late its own is", async () => {
    const late = await issuer.sign(first, { exp: Date.parse("9999-12-31T23:59:59Z") / 1000 + 1 });
    expect(await verifier()(late)).toMatchObject({ bearerExpiresAt: "9999-12-31T23:59:59.000Z" });
  });

  it("without a subject is nobody in particular", async () => {
    for (const sub of [undefined, ""]) {
      expect(await verifier()(await issuer.sign(first, { sub: sub as string }))).toMatchObject({
        actor: "jwt:unknown",
      });
    }
  });
});

describe("a token is refused", () => {
  it.each([
    ["of another issuer", () => ({ iss: "https://elsewhere.example.org" })],
    ["of no issuer", () => ({ iss: undefined })],
    ["for another audience", () => ({ aud: "another-service" })],
    ["for no audience", () => ({ aud: undefined })],
    ["that has expired", () => ({ exp: now() - 31 })],
    ["that never expires", () => ({ exp: undefined })],
    ["that is not valid yet", () => ({ nbf: now() + 40 })],
    ["whose times are no numbers", () => ({ nbf: "soon" })],
    ["whose subject is no text", () => ({ sub: 7 })],
    ["whose subject is no Unicode", () => ({ sub: "\ud800" })],
    ["whose subject is endless", () => ({ sub: "x".repeat(256) })],
  ])("%s", async (_, change) => {
    expect(await verifier()(await issuer.sign(first, change() as never))).toBeUndefined();
  });

  it("beyond the tolerance that is set, and not within it", async () => {
    for (const [seconds, accepted] of [
      [20, true],
      [40, false],
    ] as const) {
      const early = await issuer.sign(first, { nbf: now() + seconds });
      const late = await issuer.sign(first, { exp: now() - seconds });
      expect([(await verifier()(early)) !== undefined, (await verifier()(late)) !== undefined]).toEqual([
        accepted,
        accepted,
      ]);
    }
    const strict = verifier({ clockToleranceSeconds: 0 });
    expect(await strict(await issuer.sign(first, { exp: now() - 1 }))).toBeUndefined();
    expect(await strict(await issuer.sign(first, { nbf: now() + 5 }))).toBeUndefined();
  });

  it("without a signature: alg none, in any spelling", async () => {
    for (const alg of ["none", "None", "NONE", ""]) {
      for (const signature of ["", segment("x")]) {
        const token = `${segment({ alg, kid: "k1" })}.${segment(claims())}.${signature}`;
        expect(await verifier()(token)).toBeUndefined();
      }
    }
  });

  it("signed with the public key as a shared secret (key confusion)", async () => {
    for (const secret of [rsa.publicPem, rsa.publicPem.trim(), JSON.stringify(rsa.publicJwk), rsa.publicJwk.n!]) {
      for (const alg of ["HS256", "RS256"]) {
        const input = `${segment({ alg, kid: "r1" })}.${segment(claims())}`;
        const token = `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
        expect(await verifier()(token)).toBeUndefined();
      }
    }
  });

  it("by an algorithm that is not allowed, though the issuer has the key", async () => {
    expect(await verifier({ algorithms: ["ES256"] })(await issuer.sign(rsa))).toBeUndefined();
  });

  it("signed by a key that it brings itself", async () => {
    const stranger = await makeIssuerKey("k1");
    expect(await verifier()(await issuer.sign(stranger))).toBeUndefined();
    const header = { jwk: stranger.publicJwk, jku: `${issuer.url}/mine.json` };
    expect(await verifier()(await issuer.sign(stranger, {}, header as never))).toBeUndefined();
  });

  it("changed by one character, wherever it is", async () => {
    const verify = verifier();
    const token = await issuer.sign(first);
    expect(await verify(token)).toBeDefined();
    const last = token.length - 1;
    // The last character's low bits are padding.
    for (let at = 0; at < last; at += 7) {
      if (token[at] === ".") continue;
      const changed = token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
      expect([at, await verify(changed)]).toEqual([at, undefined]);
    }
  });

  it.each([
    ["..", "empty segments"],
    ["a.b.c", "no JSON"],
    [`${segment(null)}.${segment({})}.x`, "no header"],
    [`${segment([])}.${segment({})}.x`, "a list for a header"],
    [`${segment({ alg: 5 })}.${segment({})}.x`, "a number for an algorithm"],
    [`${segment({ alg: "ES256", crit: ["exp"], exp: 1 })}.${segment({})}.x`, "an extension it does not know"],
    [`${segment({ alg: "ES256", b64: false, crit: ["b64"] })}.${segment({})}.x`, "an unencoded payload"],
    [`${segment({ alg: "ES256", kid: { a: 1 } })}.${segment({})}.x`, "an object for a key id"],
    [`${segment({ alg: "ES256", kid: "k1" })}.${segment("text")}.x`, "no claims"],
    [`${segment({ alg: "ES256", kid: "k1" })}.!!!.???`, "no base64url"],
  ])("that is malformed: %s (%s)", async (token) => {
    expect(await verifier()(token)).toBeUndefined();
  });
});

describe("scopes", () => {
  const rules = [
    { claim: "role", value: "builder", scopes: ["agents:create", "agents:onboard"], aiProviderKeyId: "prov1" },
    { claim: "groups", value: "keepers", scopes: ["agents:delete", "agents:create"], aiProviderKeyId: "prov2" },
    { claim: "verified", value: true, scopes: ["agents:update"] },
    { claim: "level", value: 3, scopes: ["agents:keys"] },
    { claim: "realm_access.roles", value: "nested", scopes: ["agents:keys"] },
    { claim: "https://example.org/role", value: "dotted", scopes: ["agents:delete"] },
    { claim: "role.constructor.name", value: "String", scopes: ["provisioning:admin"] },
    { claim: "toString", value: "x", scopes: ["provisioning:admin"] },
    { claim: "role", value: "reader", scopes: [] },
  ];
  it.each([
    [{ role: "builder" }, ["agents:create", "agents:onboard"], "prov1"],
    [{ role: ["x", "builder"] }, ["agents:create", "agents:onboard"], "prov1"],
    [{ groups: ["a", "keepers"] }, ["agents:delete", "agents:create"], "prov2"],
    [{ verified: true }, ["agents:update"], undefined],
    [{ realm_access: { roles: ["other", "nested"] } }, ["agents:keys"], undefined],
    [{ "https://example.org/role": "dotted" }, ["agents:delete"], undefined],
    [{ level: 3 }, ["agents:keys"], undefined],
    [{ role: "builder", groups: ["keepers"] }, ["agents:create", "agents:onboard", "agents:delete"], "prov1"],
    [{ role: "reader" }, [], undefined],
  ])("of %j are %j", async (held, scopes, aiProviderKeyId) => {
    const bearer = await verifier({ rules })(await issuer.sign(first, held));
    expect(bearer).toEqual({ ...someone, scopes, ...(aiProviderKeyId && { aiProviderKeyId }) });
  });

  it.each([
    { role: "Builder" },
    { role: "builder keepers" },
    { groups: { 0: "keepers" } },
    { realm_access: "nested" },
    { role: "x" },
    { verified: "true" },
    { verified: 1 },
    { level: "3" },
    { scope: "provisioning:admin", scopes: ["provisioning:admin"] },
    {},
  ])("are not even none for %j, which no rule matches: it is refused", async (held) => {
    expect(await verifier({ rules })(await issuer.sign(first, held))).toBeUndefined();
    expect(await verifier()(await issuer.sign(first, held))).toEqual({ ...someone, scopes: [] });
  });
});

describe("the issuer's keys", () => {
  const advance = (ms: number) => vi.setSystemTime(Date.now() + ms);
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));

  it("are not asked for because of what is no JWT, or cannot be a token of its", async () => {
    const before = issuer.asked();
    const verify = verifier();
    for (const token of [
      "secret",
      "a.b",
      "a.b.c",
      "a.b.c.d.e",
      `${segment({ alg: "HS256" })}.${segment(claims())}.x`,
    ]) {
      expect(await verify(token)).toBeUndefined();
    }
    expect(issuer.asked()).toBe(before);
  });

  it("are asked for once, also by many at once", async () => {
    const before = issuer.asked();
    const verify = verifier();
    const token = await issuer.sign(first);
    for (const bearer of await Promise.all(Array.from({ length: 20 }, () => verify(token))))
      expect(bearer).toBeDefined();
    await verify(token);
    expect(issuer.asked()).toBe(before + 1);
  });

  it("rotate: a new one is fetched when it is first met, though not more often than every ten seconds", async () => {
    const verify = verifier();
    const before = issuer.asked();
    expect(await verify(await issuer.sign(first))).toBeDefined();
    issuer.publish(first, second);
    expect(await verify(await issuer.sign(second))).toBeUndefined();
    expect(issuer.asked()).toBe(before + 1);
    advance(10_500);
    expect(await verify(await issuer.sign(second))).toBeDefined();
    expect(await verify(await issuer.sign(first))).toBeDefined();
    expect(issuer.asked()).toBe(before + 2);
    // A stranger who invents key ids does not make us ask either.
    const stranger = await makeIssuerKey("invented");
    for (let times = 0; times < 5; times++) expect(await verify(await issuer.sign(stranger))).toBeUndefined();
    expect(issuer.asked()).toBe(before + 2);
  });

  it("that were withdrawn are refused after ten minutes at the latest", async () => {
    const verify = verifier();
    expect(await verify(await issuer.sign(first))).toBeDefined();
    issuer.publish(second);
    advance(10 * 60_000 + 1_000);
    expect(await verify(await issuer.sign(first))).toBeUndefined();
    expect(await verify(await issuer.sign(second))).toBeDefined();
  });

  it.each([
    ["an error", { status: 500 }],
    ["no JSON", { status: 200, body: "<html>" }],
    ["no key set", { status: 200, body: '{"keys":"none"}' }],
    ["a redirect, which is not followed", { status: 302, headers: { location: "/.well-known/jwks.json" } }],
  ])("that cannot be read are the issuer's fault, not the token's: %s", async (_, how) => {
    const verify = verifier();
    issuer.answer(how);
    const token = await issuer.sign(first);
    await expect(verify(token)).rejects.toMatchObject({ code: "issuer_unreachable", status: 503 });
    issuer.answer(undefined);
    advance(1_500);
    expect(await verify(token)).toBeDefined();
  });

  it("are asked for again a moment after a failure, also where the clock was set back", async () => {
    const verify = verifier();
    const token = await issuer.sign(first);
    issuer.answer({ status: 503 });
    await expect(verify(token)).rejects.toMatchObject({ code: "issuer_unreachable" });
    issuer.answer(undefined);
    advance(-3_600_000);
    expect(await verify(token)).toBeDefined();
  });

  it("are read up to a mebibyte, and an issuer that sends more is left alone for a moment", async () => {
    const verify = verifier();
    const keys = JSON.stringify({ keys: [first.publicJwk] });
    const token = await issuer.sign(first);
    issuer.answer({ status: 200, body: keys + " ".repeat(1_048_576) });
    const before = issuer.asked();
    for (let times = 0; times < 3; times++) {
      await expect(verify(token)).rejects.toMatchObject({ code: "issuer_unreachable" });
    }
    expect(issuer.asked()).toBe(before + 1);
    issuer.answer({ status: 200, body: keys + " ".repeat(1_000_000) });
    advance(1_500);
    expect(await verify(token)).toBeDefined();
  });

  it("are still known while the issuer is away, and it is not asked more than once a second", async () => {
    const verify = verifier();
    const known = await issuer.sign(first);
    expect(await verify(known)).toBeDefined();
    issuer.answer({ status: 503 });
    advance(30_000);
    const before = issuer.asked();
    for (let times = 0; times < 5; times++) {
      expect(await verify(known)).toBeDefined();
      await expect(verify(await issuer.sign(second))).rejects.toMatchObject({ code: "issuer_unreachable" });
    }
    expect(issuer.asked()).toBe(before + 1);
  });
});
