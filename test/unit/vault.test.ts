import { CompactEncrypt, compactDecrypt, generateSecret } from "jose";
import { describe, expect, it } from "vitest";
import { fromBase64Url, toBase64Url } from "../../src/domain/base64url.ts";
import { seal, sealKeyId, unseal } from "../../src/service/secrets/vault.ts";

const sealKey = new Uint8Array(32).fill(7);
const context = { sealKeys: () => [sealKey] };
const binding = { provider: "anthropic", id: "aip-1" };
const secret = "sk-test-not-a-real-key \u{1f511}";
const bytes = (text: string) => new TextEncoder().encode(text);

const header = { alg: "dir", enc: "A256GCM", kid: binding.id, provider: binding.provider };
const joseSeals = async (members: Record<string, unknown>, key: Uint8Array = sealKey) =>
  await new CompactEncrypt(bytes(secret)).setProtectedHeader(members as typeof header).encrypt(key);

/** A JWE whose tag is right for whatever its header says. */
async function forge(headerText: string, { nonce = 12, tag = 16 } = {}): Promise<string> {
  const key = await crypto.subtle.importKey("raw", sealKey, "AES-GCM", false, ["encrypt"]);
  const iv = crypto.getRandomValues(new Uint8Array(nonce));
  const protectedHeader = toBase64Url(bytes(headerText));
  const cipher = { name: "AES-GCM", iv, additionalData: bytes(protectedHeader), tagLength: tag * 8 };
  const sealed = new Uint8Array(await crypto.subtle.encrypt(cipher, key, bytes(secret)));
  return [protectedHeader, "", ...[iv, sealed.subarray(0, -tag), sealed.subarray(-tag)].map(toBase64Url)].join(".");
}

const refused = async (jwe: string, at = context, of = binding) =>
  await expect(unseal(at, jwe, of)).rejects.toMatchObject({ code: "secret_unopenable" });

describe("a sealed secret", () => {
  it("opens again, and is sealed anew each time", async () => {
    const [one, two] = [await seal(context, secret, binding), await seal(context, secret, binding)];
    expect(one).not.toBe(two);
    expect(one).not.toContain(secret);
    for (const jwe of [one, two]) expect(await unseal(context, jwe, binding)).toBe(secret);
  });

  it("may be empty, or as long as they come", async () => {
    for (const text of ["", "x".repeat(200_000)]) {
      expect(await unseal(context, await seal(context, text, binding), binding)).toBe(text);
    }
  });

  it("is one that jose opens", async () => {
    const { plaintext, protectedHeader } = await compactDecrypt(await seal(context, secret, binding), sealKey);
    expect(new TextDecoder().decode(plaintext)).toBe(secret);
    expect(protectedHeader).toEqual({ ...header, sealKey: await sealKeyId(sealKey) });
  });

  it("may be one that jose sealed", async () => {
    expect(await unseal(context, await joseSeals(header), binding)).toBe(secret);
  });

  it.each([
    [
      secret,
      "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiYWlwLTEiLCJwcm92aWRlciI6ImFudGhyb3BpYyIsInNlYWxLZXkiOiJTN0J2ams0NiJ9..zr9dBChxT5jCknEY.pv8fxBERtiU-4-1dmrCkJdvl-tTiRtm1AIcQ.JNwSCnlo-OEybV-Vpu6g3Q",
    ],
    // The first release did not name the seal key.
    [
      "",
      "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiYWlwLTEiLCJwcm92aWRlciI6ImFudGhyb3BpYyJ9..9DYFoL0DmW1sig3w..WFVBFNIc8OVqAiHBiMJckQ",
    ],
  ])("may be one that release 1.0.0 sealed (%j)", async (text, jwe) => {
    expect(await unseal(context, jwe, binding)).toBe(text);
  });

  it("has the forger of these tests right", async () => {
    expect(await unseal(context, await forge(JSON.stringify(header)), binding)).toBe(secret);
  });
});

describe("refused is", () => {
  it.each([
    ["another id", { ...header, kid: "aip-2" }],
    ["another provider", { ...header, provider: "openai" }],
    ["no id", { ...header, kid: undefined }],
    ["another key management", { ...header, alg: "A256KW" }],
    ["no encryption at all", { ...header, alg: "none" }],
    ["no algorithm", { ...header, alg: undefined }],
    ["another content encryption", { ...header, enc: "A128GCM" }],
    ["no content encryption", { ...header, enc: undefined }],
    ["an extension", { ...header, crit: ["exp"], exp: 1 }],
    ["an empty list of extensions", { ...header, crit: [] }],
    ["compression", { ...header, zip: "DEF" }],
  ])("a header with %s", async (_, members) => {
    await refused(await forge(JSON.stringify(members)));
  });

  it.each([
    ["no JSON", "{"],
    ["no object", "null"],
    ["a list", '["dir","A256GCM"]'],
  ])("a header that is %s", async (_, text) => {
    await refused(await forge(text));
  });

  it("what jose seals in other ways", async () => {
    await refused(await joseSeals({ ...header, zip: "DEF" }));
    await refused(await joseSeals({ ...header, alg: "A256KW" }));
    await refused(await joseSeals({ ...header, enc: "A128CBC-HS256" }));
    await refused(await joseSeals({ ...header, enc: "A128GCM" }, new Uint8Array(16).fill(7)));
    const other = (await generateSecret("A256GCM", { extractable: true })) as CryptoKey;
    await refused(await joseSeals(header, new Uint8Array(await crypto.subtle.exportKey("raw", other))));
  });

  it("a value of another record or under another key", async () => {
    const jwe = await seal(context, secret, binding);
    await refused(jwe, context, { ...binding, id: "aip-2" });
    await refused(jwe, context, { ...binding, provider: "openai" });
    await refused(jwe, { sealKeys: () => [new Uint8Array(32).fill(8)] });
    await refused(jwe, { sealKeys: () => [new Uint8Array(16).fill(7)] });
  });

  it("any change of any part", async () => {
    const parts = (await seal(context, secret, binding)).split(".");
    for (const [at, part] of parts.entries()) {
      const changed = fromBase64Url(part)!;
      if (changed.length > 0) changed[changed.length - 1]! ^= 1;
      await refused(parts.with(at, changed.length > 0 ? toBase64Url(changed) : "AAAA").join("."));
      await refused(parts.toSpliced(at, 1).join("."));
      await refused(parts.toSpliced(at, 0, part).join("."));
      await refused(parts.with(at, `${part}=`).join("."));
      await refused(parts.with(at, `${part} `).join("."));
      if (part !== "") await refused(parts.with(at, "").join("."));
    }
    for (const text of ["", ".", "....", secret, parts.slice(0, 4).join(".")]) await refused(text);
  });

  it("a nonce or a tag of another length, rightly made", async () => {
    for (const nonce of [13, 16]) await refused(await forge(JSON.stringify(header), { nonce }));
    for (const tag of [4, 12]) await refused(await forge(JSON.stringify(header), { tag }));
  });

  it("with a message that quotes nothing of the secret", async () => {
    const jwe = await seal(context, secret, binding);
    const failure = (await unseal(context, jwe, { ...binding, id: "aip-2" }).catch((error) => error)) as Error;
    expect(failure.message).toContain("aip-2");
    expect(failure.message).not.toContain("sk-test");
  });
});

describe("base64url", () => {
  it("is what Node makes of it", () => {
    for (let length = 0; length < 70; length++) {
      const some = crypto.getRandomValues(new Uint8Array(length));
      const text = Buffer.from(some).toString("base64url");
      expect(toBase64Url(some)).toBe(text);
      expect(fromBase64Url(text)).toEqual(some);
    }
  });

  it.each(["A", "AAAAA", "AA==", "AA=", "+A", "/A", "A A", "AA\n", "é"])("is not %j", (text) => {
    expect(fromBase64Url(text)).toBeUndefined();
  });
});
