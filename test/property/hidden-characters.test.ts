import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { escapeHidden, hasHiddenCharacters, shownJson } from "../../src/domain/hidden-characters.ts";

const controls = Array.from({ length: 0x20 }, (_, at) => at);
const c1 = Array.from({ length: 0x21 }, (_, at) => 0x7f + at);
const bidi = [0x061c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069];
const nothing = [0xad, 0x034f, 0x115f, 0x180e, 0x200b, 0x2028, 0x2029, 0x2060, 0x2061, 0x3164, 0xfeff, 0xffa0, 0xfffb];
const astral = [0xe0001, 0xe0041, 0xe007f, 0x1d173];
const all = [...controls, ...c1, ...bidi, ...nothing, ...astral].map((code) => String.fromCodePoint(code));
/** Those that are written at some place, and show nothing at any other. */
const joiners = ["\u200c", "\u200d", "\ufe0e", "\ufe0f", "\ufe00", "\u{e0100}"];
const plain = fc.string({ unit: fc.constantFrom(..."abzAZ09 .-_/@äßéжкλ中国가🦞🤖") });

test("a control, C1, bidi or invisible character is found wherever it stands, and escaped so that JSON reads it back", () => {
  fc.assert(
    fc.property(plain, fc.constantFrom(...all), plain, (before, character, after) => {
      const text = before + character + after;
      expect(hasHiddenCharacters(text)).toBe(true);
      const shown = escapeHidden(text);
      expect(hasHiddenCharacters(shown)).toBe(false);
      expect(shown.replaceAll(/\\u([0-9a-f]{4})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))).toBe(
        text,
      );
    }),
    { numRuns: 2000 },
  );
});

test("a joiner or a variation between letters of Latin, Greek or Cyrillic is found", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(..."azAZ09éжλ -"),
      fc.constantFrom(...joiners),
      fc.constantFrom(..."azAZ09éжλ -"),
      (a, j, b) => {
        expect(hasHiddenCharacters(a + j + b)).toBe(true);
        expect(hasHiddenCharacters(j + b)).toBe(true);
        expect(hasHiddenCharacters(a + j)).toBe(true);
      },
    ),
  );
});

test("plain text, of whatever script, is left as it is", () => {
  fc.assert(
    fc.property(plain, (text) => {
      expect(hasHiddenCharacters(text)).toBe(false);
      expect(escapeHidden(text)).toBe(text);
    }),
  );
});

it.each([
  ["a family", "👨‍👩‍👧‍👦"],
  ["a rainbow flag", "🏳️‍🌈"],
  ["England's flag", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"],
  ["a keycap", "1️⃣"],
  ["a skin tone in a profession", "👩🏽‍🚀"],
  ["a heart", "❤️"],
  ["a heart on fire", "❤️‍🔥"],
  ["Persian", "می‌خواهم"],
  ["Hindi", "क्‍ष"],
  ["a variant of a Chinese character", "葛\u{e0100}城"],
])("%s is what people write", (_, text) => {
  expect(hasHiddenCharacters(text)).toBe(false);
  expect(escapeHidden(`x ${text} y`)).toBe(`x ${text} y`);
});

describe("JSON that is shown", () => {
  it("reads back as the same value, and has nothing hidden in it", () => {
    const value = fc.anything({ key: plain, values: [fc.oneof(plain, fc.constantFrom(...all, ...joiners))] });
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 2), (given, indent) => {
        const json = JSON.stringify(given, null, indent);
        if (json === undefined) return;
        const shown = shownJson(json);
        expect(JSON.parse(shown)).toEqual(JSON.parse(json));
        expect(hasHiddenCharacters(shown.replaceAll("\n", ""))).toBe(false);
      }),
    );
  });
});
