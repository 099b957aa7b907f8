import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createStringScan } from "../../src/proxy/usage/string-scan.ts";

const part = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom('"', "\\", '\\"', "\\\\", "\n").map((one) => one.repeat(3)),
  fc.integer({ min: 50, max: 300 }).map((length) => "x".repeat(length)),
);
const texts = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(""));
const encoder = new TextEncoder();

describe("the end of a JSON string", () => {
  it("is found wherever the bytes are cut, however long its parts are", () => {
    fc.assert(
      fc.property(texts, texts, fc.array(fc.nat(), { maxLength: 5 }), (text, after, places) => {
        const written = encoder.encode(JSON.stringify(text).slice(1));
        const bytes = new Uint8Array([...written, ...encoder.encode(after)]);
        const cuts = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
        const scan = createStringScan(false);
        let from = 0;
        let end: number | undefined;
        for (const cut of cuts) {
          const piece = bytes.subarray(from, cut);
          const at = scan.end(piece, 0, piece.length);
          if (at < piece.length) {
            end = from + at;
            break;
          }
          from = cut;
        }
        expect(end).toBe(written.length - 1);
      }),
      { numRuns: 2_000 },
    );
  });
});
