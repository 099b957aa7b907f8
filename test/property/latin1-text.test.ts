import fc from "fast-check";
import { expect, it } from "vitest";
import { Latin1Text } from "../../adapters/node/latin1-text.ts";

const latin1 = fc.string({ unit: fc.integer({ max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: 60 });
const long = fc.integer({ min: 4_000, max: 9_000 }).map((length) => "é".repeat(length));

it("text in pieces of any length, a body and an end are the bytes of all of them, in memory of their own", () => {
  const text = new Latin1Text();
  const made: [Buffer, Buffer][] = [];
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 9, arbitrary: latin1 }, long), { maxLength: 12 }),
      fc.option(fc.uint8Array({ maxLength: 50 }), { nil: undefined }),
      fc.constantFrom("", "\r\n0\r\n\r\n"),
      (pieces, body, end) => {
        text.begin();
        for (const piece of pieces) text.add(piece);
        text.addField("name", "value");
        const head = `${pieces.join("")}name: value\r\n`;
        const expected = Buffer.concat([Buffer.from(head, "latin1"), body ?? Buffer.alloc(0), Buffer.from(end)]);
        made.push([text.joined(body, end), expected]);
        expect(made.at(-1)![0].equals(expected)).toBe(true);
      },
    ),
  );
  expect(made.every(([bytes, expected]) => bytes.equals(expected))).toBe(true);
});
