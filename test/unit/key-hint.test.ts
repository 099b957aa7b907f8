import { expect, test } from "vitest";
import { keyHint } from "../../src/domain/key-hint.ts";
import { scrubKeys, scrubKnownKeys } from "../../src/domain/scrub-keys.ts";

test.each([
  ["sk-ant-api03-xxxxxxxxxabcd", "sk-ant-...abcd"],
  ["sk-admin-xxxxxxxxxxxxabcd", "sk-admin-...abcd"],
  ["sk-proj-xxxxxxxxxxxxxabcd", "sk-proj-...abcd"],
  ["sk-or-v1-xxxxxxxxxxxxabcd", "sk-or-...abcd"],
  ["sk-xxxxxxxxxxxxxxxxxxabcd", "sk-...abcd"],
  ["AIzaxxxxxxxxxxxxxxxxxabcd", "AIza...abcd"],
  ["nobodys-own-secret-form-abcd", "...abcd"],
  ["sk-ant-short-abcd", "..."],
  ["x".repeat(19), "..."],
  ["x".repeat(20), "...xxxx"],
  ["", "..."],
])("%s shows as %s", (key, hint) => {
  expect(keyHint(key)).toBe(hint);
});

test.each([
  ["Incorrect API key provided: sk-proj-****abcd. See", "Incorrect API key provided: [key] See"],
  ["key AIzaNotARealKey0123 is off", "key [key] is off"],
  ["got Bearer abc.def", "got [key]"],
  ["token eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln failed", "token [key] failed"],
  ["hash 0123456789abcdef0123456789abcdef01234567 unknown", "hash [key] unknown"],
  ["-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY----- bad", "[key] bad"],
  ["no such project: my-first-project", "no such project: my-first-project"],
])("scrubs %j", (text, scrubbed) => {
  expect(scrubKeys(text)).toBe(scrubbed);
});

test("scrubs a token whatever the length of its header, which may hold certificates", () => {
  const token = `eyJ${"a1-_".repeat(1_000)}.eyJhIjoxfQ.c2ln`;
  expect(scrubKnownKeys(`token ${token} failed`)).toBe("token [key] failed");
});

test.each(["eyJ-", "eyJ_.eyJ-", "eyJaaaaaaaa-", "sk-eyJ-"])(
  "reads a text of beginnings of keys in a time of its length: %j",
  (part) => {
    const text = part.repeat(400_000 / part.length);
    const begun = performance.now();
    scrubKnownKeys(text);
    expect(performance.now() - begun).toBeLessThan(500);
  },
);

test("a known secret goes in whichever form it was quoted", () => {
  expect(scrubKeys('a+b/c="d got a%2Bb%2Fc%3D%22d and "a+b/c=\\"d"', ['a+b/c="d'])).toBe('[key] got [key] and "[key]"');
});
