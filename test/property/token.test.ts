import fc from "fast-check";
import { expect, it } from "vitest";
import { issueToken, newKeyId, parseToken, type TokenPrefix } from "../../src/domain/token.ts";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const prefix = fc.constantFrom<TokenPrefix>("ocp", "ocv");
/** Bytes that the test can repeat, the rejected ones (248 and above) among them. */
const randomFrom = (seed: number) => {
  let state = seed >>> 0;
  return (length: number) =>
    Uint8Array.from({ length }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    });
};
const issued = fc.tuple(prefix, fc.integer()).map(([kind, seed]) => {
  const random = randomFrom(seed);
  const keyId = newKeyId(random);
  return { kind, keyId, token: issueToken(kind, keyId, random) };
});

it("what was issued is recognised, with its id, and has the documented form", () => {
  fc.assert(
    fc.property(issued, ({ kind, keyId, token }) => {
      expect(token).toMatch(/^(ocp|ocv)_[A-Za-z0-9]{16}_[A-Za-z0-9]{36}$/);
      expect(token.startsWith(`${kind}_${keyId}_`)).toBe(true);
      expect(parseToken(token, kind)).toEqual({ keyId });
    }),
  );
});

it("any one character changed is refused", () => {
  const change = fc.record({ at: fc.nat(), to: fc.oneof(fc.constantFrom(...alphabet, "_", "-", " "), fc.string()) });
  fc.assert(
    fc.property(issued, change, ({ kind, token }, { at, to }) => {
      const index = at % token.length;
      fc.pre(to !== token[index]);
      expect(parseToken(token.slice(0, index) + to + token.slice(index + 1), kind)).toBeUndefined();
    }),
    { numRuns: 1000 },
  );
});

it("every single character of one key, changed to every other, is refused", () => {
  const token = issueToken("ocp", newKeyId(randomFrom(7)), randomFrom(8));
  for (let at = 0; at < token.length; at++) {
    for (const letter of alphabet) {
      if (letter === token[at]) continue;
      expect(parseToken(token.slice(0, at) + letter + token.slice(at + 1), "ocp")).toBeUndefined();
    }
  }
});

it("two neighbours swapped, something before or after it, or half of it is refused", () => {
  fc.assert(
    fc.property(issued, fc.nat(), fc.string({ minLength: 1 }), ({ kind, token }, at, more) => {
      const index = at % (token.length - 1);
      const swapped = token.slice(0, index) + token[index + 1] + token[index] + token.slice(index + 2);
      if (swapped !== token) expect(parseToken(swapped, kind)).toBeUndefined();
      expect(parseToken(token + more, kind)).toBeUndefined();
      expect(parseToken(more + token, kind)).toBeUndefined();
      expect(parseToken(token.slice(0, index), kind)).toBeUndefined();
    }),
  );
});

it("a key of the other kind is refused, also under this kind's name", () => {
  fc.assert(
    fc.property(issued, ({ kind, token }) => {
      const other = kind === "ocp" ? "ocv" : "ocp";
      expect(parseToken(token, other)).toBeUndefined();
      expect(parseToken(other + token.slice(3), other)).toBeUndefined();
    }),
  );
});

it("nothing at random is a key, and nothing throws", () => {
  const near = fc.stringMatching(/^oc[pv]_[A-Za-z0-9]{16}_[A-Za-z0-9]{36}$/);
  fc.assert(
    fc.property(fc.oneof(fc.string(), near), (text) => {
      expect(parseToken(text, "ocp")).toBeUndefined();
    }),
  );
});

it("ids and secrets favour no letter", () => {
  const counts = new Map<string, number>();
  const random = randomFrom(42);
  for (let round = 0; round < 4000; round++) {
    for (const letter of newKeyId(random)) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  }
  const expected = (4000 * 16) / 62;
  expect(counts.size).toBe(62);
  // Six standard deviations: a modulo of a whole byte would put the first eight letters 25% above the rest.
  for (const count of counts.values()) expect(Math.abs(count - expected)).toBeLessThan(6 * Math.sqrt(expected));
});
