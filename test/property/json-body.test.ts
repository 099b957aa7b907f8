import fc from "fast-check";
import { expect, it } from "vitest";
import { readShape } from "../../src/providers/shared/account.ts";
import { geminiImage } from "../../src/providers/shared/image-rules.ts";
import { createMediaCounter } from "../../src/providers/shared/media-tokens.ts";
import { object } from "../../src/providers/shared/shape.ts";
import { readJsonBody } from "../../src/proxy/json-body.ts";

const rules = { known: ["max_tokens", "stream"], snakeCase: false };
const body = (text: string) => {
  const read = readJsonBody(Buffer.from(text), rules);
  if ("fault" in read) throw new Error(read.fault);
  return read.body;
};

/** Keys that no two parsers read as one, and that are not known under another spelling. */
const key = fc.string({ unit: "binary" }).map((text) => `k${text.replaceAll("\0", "")}`);
const value = fc.jsonValue().filter((json) => !JSON.stringify(json).includes("\\u0000"));
const objects = fc
  .uniqueArray(fc.tuple(key, value), {
    selector: ([name]) => name.toLowerCase().replaceAll("_", ""),
    maxLength: 8,
  })
  .map((entries) => Object.fromEntries(entries));
const spacing = fc.constantFrom(undefined, 1, "\t", "   ");

it("sets fields and leaves all else as the client wrote it", () => {
  fc.assert(
    fc.property(objects, spacing, fc.option(value, { nil: undefined }), (object, space, old) => {
      const original = old === undefined ? object : { ...object, max_tokens: old };
      const text = JSON.stringify(original, null, space);
      const changed = body(text).with({ max_tokens: 42, stream: true });
      expect(JSON.parse(changed)).toEqual({ ...JSON.parse(text), max_tokens: 42, stream: true });
      for (const name of Object.keys(object)) {
        expect(body(changed).get(name)).toEqual((JSON.parse(text) as Record<string, unknown>)[name]);
      }
    }),
    { numRuns: 300 },
  );
});

it("takes fields out wherever they stand", () => {
  fc.assert(
    fc.property(objects, fc.nat(), value, spacing, fc.boolean(), (object, at, old, space, sets) => {
      const entries = Object.entries(object);
      entries.splice(at % (entries.length + 1), 0, ["max_tokens", old]);
      const text = JSON.stringify(Object.fromEntries(entries), null, space);
      const rest = JSON.parse(JSON.stringify(object)) as object;
      const changed = body(text).with({ max_tokens: undefined, ...(sets && { stream: true }) });
      expect(JSON.parse(changed)).toEqual({ ...rest, ...(sets && { stream: true }) });
    }),
    { numRuns: 300 },
  );
  expect(body("{}").with({ max_tokens: undefined })).toBe("{}");
  expect(body('{"max_tokens":1 , "stream":false}').with({ max_tokens: undefined, stream: undefined })).toBe("{}");
});

it("keeps digits that a number cannot hold", () => {
  expect(body('{ "seed" : 12345678901234567890, "x":[1.0] }').with({ stream: true })).toBe(
    '{"stream":true, "seed" : 12345678901234567890, "x":[1.0] }',
  );
  expect(body("{}").with({ stream: true })).toBe('{"stream":true}');
  expect(body('{"stream":false,"max_tokens": null }').with({ max_tokens: 1, stream: true })).toBe(
    '{"stream":true,"max_tokens": 1 }',
  );
});

it("refuses a key that stands twice, wherever it stands and however it is written", () => {
  fc.assert(
    fc.property(objects, key, fc.boolean(), (object, name, escapes) => {
      const text = JSON.stringify({ ...object, [name]: 1 });
      const again = JSON.stringify(name);
      const written = escapes ? again.replace("k", "\\u006b") : again;
      const twice = `${text.slice(0, -1)},${written}:2}`;
      expect(readJsonBody(Buffer.from(twice), rules)).toHaveProperty("fault");
    }),
  );
});

it("refuses a key that stands twice in any object, and none that stands in two of them", () => {
  const shape = object("a", { b: object("c") });
  const faultOf = (text: string) =>
    readShape(body(text), shape, createMediaCounter(0, geminiImage), { boundedFields: [] }).fault;
  fc.assert(
    fc.property(objects, key, spacing, fc.constantFrom("a", "b", "x"), (inner, name, space, place) => {
      const nested = { [place]: [{ c: [{ ...inner, [name]: 1 }, { c: 2 }] }, { c: ":{}" }] };
      const text = JSON.stringify(nested, null, space);
      expect(faultOf(text)).toBeUndefined();
      const twice = `{"${place}":[{"c":{${JSON.stringify(name)}:1,${JSON.stringify(name)}:2}}]}`;
      expect(faultOf(twice)).toMatch(/stands more than once/);
      expect(faultOf(`{"${place}":[{"c":1,"c":2}]}`)).toMatch(/stands more than once/);
    }),
  );
});

it("does not break on anything that is no object", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        const read = readJsonBody(bytes, rules);
        const parsed = (() => {
          try {
            return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)) as unknown;
          } catch {
            return undefined;
          }
        })();
        if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
          expect(read).toHaveProperty("fault");
      },
    ),
  );
});
