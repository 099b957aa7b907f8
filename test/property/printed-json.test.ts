import fc from "fast-check";
import { expect, it } from "vitest";
import { maxPrintedDepth, numbersBeyond, printedBeyond } from "../../src/providers/shared/printed-json.ts";

/** `json.dumps(value, indent=4)` with the escapes of Jinja's `tojson`: no template that is known writes more. */
function printed(value: unknown): string {
  const text = JSON.stringify(value, null, 4);
  return text.replace(/[<>&'\u007f-\uffff]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
/** One line, with a space after each comma and colon. */
function onOneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(", ")}]`;
  if (typeof value !== "object" || value === null) return printed(value);
  return `{${Object.entries(value)
    .map(([key, inner]) => `${printed(key)}: ${onOneLine(inner)}`)
    .join(", ")}}`;
}
const bytes = (text: string) => Buffer.byteLength(text);

it("covers what a template makes of a value", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 12 }), (value) => {
      expect(bytes(JSON.stringify(value)) + printedBeyond(value)!).toBeGreaterThanOrEqual(bytes(printed(value)));
    }),
    { numRuns: 500 },
  );
});

it("is exact where nothing is escaped and nothing is a number", () => {
  const plain = fc
    .jsonValue({ maxDepth: 8, noUnicodeString: true })
    .map((value) =>
      JSON.parse(
        JSON.stringify(value, (_, one) => (typeof one === "number" ? true : typeof one === "string" ? "x" : one)),
      ),
    );
  fc.assert(
    fc.property(plain, (value: unknown) => {
      const text = printed(value);
      fc.pre(!text.includes("\\u"));
      expect(bytes(JSON.stringify(value)) + printedBeyond(value)!).toBe(bytes(text));
    }),
  );
});

it("covers a call's arguments, which are JSON within a text", () => {
  fc.assert(
    fc.property(fc.oneof(fc.array(fc.jsonValue()), fc.object()), (value) => {
      const json = JSON.stringify(value);
      expect(bytes(JSON.stringify(json)) + printedBeyond(json)!).toBeGreaterThanOrEqual(
        bytes(onOneLine(JSON.parse(json))),
      );
    }),
    { numRuns: 500 },
  );
});

it("covers numbers that are longer in full", () => {
  expect(bytes("1e15") + printedBeyond(1e15)!).toBeGreaterThanOrEqual(bytes("1000000000000000.0"));
  expect(bytes('"[1e15]"') + printedBeyond("[1e15]")!).toBeGreaterThanOrEqual(bytes("[1000000000000000.0]"));
});

it("gives up on what is nested too deeply", () => {
  const nested = (depth: number): unknown => (depth === 0 ? [] : { a: nested(depth - 1) });
  expect(printedBeyond(nested(maxPrintedDepth - 1))).toBeGreaterThan(0);
  expect(printedBeyond(nested(maxPrintedDepth))).toBeUndefined();
});

/** The cheapest tokens for a list of numbers: one for each character. */
const lists: [string, string][] = [
  ["numbers of one digit", JSON.stringify({ enum: Array(200).fill(1) })],
  ["exponents", `{"enum":[${Array(200).fill("1e9").join(",")}]}`],
  ["large exponents", `{"enum":[${Array(200).fill("1e15").join(",")}]}`],
  ["lists of lists", JSON.stringify({ enum: Array(50).fill([1, [2, 3]]) })],
];
it.each(lists)("covers what one line makes of %s", (_, json) => {
  const value: unknown = JSON.parse(json);
  const line = onOneLine(value).replaceAll(/\b\d*000\b/g, "$&.0");
  expect(bytes(json) + numbersBeyond(value)).toBeGreaterThanOrEqual(bytes(line) - line.indexOf("["));
});

/** A number with a point, as `json.dumps` writes what has an exponent, and in full, as JavaScript does. */
const inFull = (value: number): string[] => [Number.isInteger(value) ? `${value}.0` : String(value), String(value)];

it("covers a list of any numbers, however short their exponents make them", () => {
  const digits = fc.oneof(
    fc.integer({ min: 1, max: 99 }),
    fc.nat({ max: 999_999_999 }),
    fc.double({ noNaN: true, min: 0, max: 1e15 }),
  );
  fc.assert(
    fc.property(digits, fc.integer({ min: -8, max: 25 }), (mantissa, exponent) => {
      const json = String(mantissa).includes("e") ? String(mantissa) : `${mantissa}e${exponent}`;
      const value = Number(json);
      for (const full of inFull(value)) {
        expect(json.length + numbersBeyond([value]), json).toBeGreaterThanOrEqual(full.length + 1);
      }
    }),
    {
      numRuns: 2_000,
      examples: [
        [7, 2],
        [27, 2],
        [83.47034, 19],
        [9_010_140, 14],
        [5, 1],
      ],
    },
  );
});

it("adds nothing to schemas of words, and little to their numbers", () => {
  const schema = { type: "object", properties: { a: { type: "integer", minimum: 1, maximum: 100 } }, required: ["a"] };
  expect(numbersBeyond(schema)).toBe(0);
  expect(numbersBeyond([1, 20, 300])).toBe(7);
});
