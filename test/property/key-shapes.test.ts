import fc from "fast-check";
import { expect, it, test } from "vitest";
import { decodedFully, holdsKey, withoutKeys } from "../../src/domain/key-shapes.ts";
import { issueToken } from "../../src/domain/token.ts";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const base62 = (length: number) =>
  fc.string({ unit: fc.constantFrom(...alphabet), minLength: length, maxLength: length });
/** One of 30,000 keys of 60 characters has no digit, which is what tells it from a name. */
const urlSafe = (length: number) =>
  fc
    .string({ unit: fc.constantFrom(...alphabet, "-", "_"), minLength: length, maxLength: length })
    .filter((rest) => /\d/.test(rest));
const bytes = fc.infiniteStream(fc.nat(255));
const random = (stream: Stream<number>) => (length: number) =>
  Uint8Array.from({ length }, () => stream.next().value as number);
type Stream<T> = IterableIterator<T>;

/** Keys as their makers issue them, made up. */
const key = fc.oneof(
  fc
    .tuple(fc.constantFrom("ocp" as const, "ocv" as const), base62(16), bytes)
    .map(([kind, id, stream]) => issueToken(kind, id, random(stream as unknown as Stream<number>))),
  urlSafe(93).map((rest) => `sk-ant-api03-${rest}AA`),
  base62(64).map((rest) => `sk-or-v1-${rest}`),
  base62(48).map((rest) => `sk-0${rest}`),
  urlSafe(60).map((rest) => `sk-proj-${rest}`),
  urlSafe(60).map((rest) => `sk-svcacct-${rest}`),
  urlSafe(35).map((rest) => `AIza${rest}`),
  base62(52).map((rest) => `gsk_0${rest}`),
);
const before = fc.constantFrom("", " ", "my ", "/", '"', "key=", "agent-", ".", "é", ":");
const after = fc.constantFrom("", " ", "/", '"', "&x=", "-agent", "x", ".", "é", ":");

test("a key is found whatever stands around it, in either case, encoded or not, and cut out", () => {
  fc.assert(
    fc.property(key, before, after, fc.nat(3), (secret, ahead, behind, rounds) => {
      const text = ahead + secret + behind;
      expect(holdsKey(text)).toBe(true);
      expect(holdsKey(text.toLowerCase())).toBe(true);
      const cut = withoutKeys(text);
      expect(cut).not.toContain(secret.slice(-16, -1));
      expect(holdsKey(cut)).toBe(false);
      let encoded = text;
      for (let round = 0; round < rounds; round++) {
        encoded = [...encoded]
          .map((one) => (/[a-z]/i.test(one) && round === 0 ? hex(one) : encodeURIComponent(one)))
          .join("");
      }
      expect(holdsKey(decodedFully(encoded))).toBe(true);
    }),
    { numRuns: 500 },
  );
});

const hex = (one: string) => `%${one.charCodeAt(0).toString(16).padStart(2, "0")}`;

test("an id of ours is no secret, and neither is one of a machine's making", () => {
  fc.assert(
    fc.property(base62(16), fc.uuid(), (id, uuid) => {
      for (const name of [id, `agent ${id}`, `ocp_${id}`, uuid, `agent-${uuid}`, uuid.replaceAll("-", "")]) {
        expect([name, holdsKey(name)]).toEqual([name, false]);
      }
    }),
  );
});

it.each([
  "my-agent",
  "sk-learn",
  "sk-learn-training-for-the-team-in-stuttgart",
  "sk-2026-production-eu-west-1-agent",
  "task-runner-0123456789abcdef",
  "risk-0123456789",
  "risk-or-reward-analysis-2026",
  "task-ant-colony-optimiser-7",
  "AIza",
  "Aizawa's agent",
  "hf-datasets-cleaner-2026",
  "r8-worker",
  "claude-sonnet-4-5-20250929",
  "ft:gpt-4o-mini-2024-07-18:acme::AbCdEf12",
  "anthropic/claude-sonnet-3.5",
  "accounts/fireworks/models/llama-v3p1-405b-instruct",
  "/home/node/.openclaw/workspace-my-agent",
  "🦞",
])("%s is a name", (name) => {
  expect(holdsKey(name)).toBe(false);
  expect(withoutKeys(name)).toBe(name);
});

test.each(["sk-", "sk-aaaaaaaaaaaa-", "sk-proj-", "gsk_", "hf-", "glpat-", "eyj-", "-----BEGIN"])(
  "a text of nothing but %s is looked through in time that grows as its length does",
  (prefix) => {
    for (const end of ["", "1", "A1a"]) {
      const text = prefix.repeat(60_000 / prefix.length) + end;
      const startedAt = performance.now();
      holdsKey(text);
      withoutKeys(text);
      // Once for each prefix it would be ten seconds and more.
      expect(performance.now() - startedAt).toBeLessThan(2_000);
    }
  },
);

it("a path of what is no encoding is read in a time of its length", () => {
  const path = "%ff-%41-".repeat(200_000);
  const before = process.threadCpuUsage();
  const decoded = decodedFully(path);
  const { user } = process.threadCpuUsage(before);
  expect(decoded).toBe("%ff-A-".repeat(200_000));
  // With an exception for each it would be a second and more.
  expect(user / 1_000).toBeLessThan(500);
});
