import fc from "fast-check";
import { expect, it } from "vitest";
import { redact } from "../../src/domain/redact.ts";
import { issueToken, newKeyId } from "../../src/domain/token.ts";

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
const word = fc.stringMatching(/^[A-Za-z0-9]{24,48}$/).filter((text) => /\d/.test(text) && /[A-Za-z]/.test(text));
/** Every shape of secret that this service is given or gives out. */
const secret = fc.oneof(
  word.map((text) => `sk-ant-api03-${text}`),
  word.map((text) => `sk-proj-${text}`),
  word.map((text) => `sk-or-v1-${text}`),
  word.map((text) => `AIza${text}`),
  word.map((text) => `ya29.${text}`),
  fc.constant(0).map(() => issueToken("ocp", newKeyId(random), random)),
  fc.constant(0).map(() => issueToken("ocv", newKeyId(random), random)),
  word.map((text) => `eyJhbGciOiJkaXIifQ..${text}.${text}.${text}`),
  word.map((text) => `-----BEGIN PRIVATE KEY-----\n${text}\n-----END PRIVATE KEY-----\n`),
  fc
    .uint8Array({ minLength: 24, maxLength: 32 })
    .map((bytes) => Buffer.from(bytes).toString("hex"))
    .filter((hex) => /[a-f]/.test(hex) && /\d/.test(hex)),
);
const around = fc.constantFrom("", " ", "\n", '"', "'", ": ", "key=", "(", "/", "Bearer ", "?key=", ",");

it("no secret survives, wherever it stands", () => {
  fc.assert(
    fc.property(secret, around, around, (key, before, after) => {
      const text = `${before}${key}${after}`;
      const cause = new Error(`inner ${text}`);
      const line = JSON.stringify(
        redact({
          message: text,
          url: `https://api.example.org/v1?x=${text}`,
          cause: new Error(`refused ${text}`, { cause }),
          list: [text, { deep: { deeper: [text] } }],
          headers: { authorization: `Bearer ${key}`, "x-agent-provisioning-key": key },
        }),
      );
      expect(line).not.toContain(key);
      expect(line).not.toContain(JSON.stringify(key).slice(1, -1));
    }),
    { numRuns: 500 },
  );
});

it("what a secret's field holds is hidden, whatever it looks like", () => {
  const name = fc.constantFrom(
    "key",
    "apiKey",
    "API_KEY",
    "apikey",
    "masterSecret",
    "gatewayToken",
    "Authorization",
    "password",
    "credential",
    "credentials",
  );
  fc.assert(
    fc.property(name, fc.string({ minLength: 1 }), (field, value) => {
      expect(redact({ [field]: value })).toEqual({ [field]: "[redacted]" });
      expect(redact({ outer: { [field]: value } })).toEqual({ outer: { [field]: "[redacted]" } });
      expect(redact({ outer: { [field]: [value] } })).toEqual({ outer: { [field]: ["[redacted]"] } });
    }),
  );
});

it("what a log is searched by stays, and so does ordinary text", () => {
  const fields = {
    requestId: "req_0123456789abcdef01234567",
    operationId: "host-1234-567890.0123456789abcdef",
    clientRequestId: "3f0c1f6e-9a3b-4b58-9d55-0a1b2c3d4e5f",
    keyId: "AbCdEf0123456789",
    agentId: "my-agent",
    path: "/api/v1/agents/my-agent",
    status: 200,
    ok: true,
    nothing: null,
  };
  expect(redact(fields)).toEqual(fields);
});

it("an id that is a key is none", () => {
  const key = issueToken("ocp", newKeyId(random), random);
  expect(JSON.stringify(redact({ clientRequestId: key, requestId: `x-${key}` }))).not.toContain(key);
});

it("never throws, and always gives what JSON can hold", () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  expect(() => JSON.stringify(redact({ circular }))).not.toThrow();
  const error = new Error("a");
  error.cause = error;
  expect(() => JSON.stringify(redact({ error }))).not.toThrow();
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.anything()), (fields) => void redact(fields)));
});
