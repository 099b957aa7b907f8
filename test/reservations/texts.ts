import fc from "fast-check";
import { type Piece, piece } from "./piece.ts";
import { normalizedBeyond, pythonJson, type Tokenizer } from "./tokenizers.ts";

const repeated = (units: string[], most: number): fc.Arbitrary<string> =>
  fc.tuple(fc.constantFrom(...units), fc.integer({ min: 1, max: most })).map(([unit, times]) => unit.repeat(times));

/**
 * Texts that tokenizers find hard: rare scripts, joined emoji, marks on marks, lone surrogates, digits and control
 * characters.
 */
export const strings: fc.Arbitrary<string> = fc.oneof(
  fc.lorem({ maxCount: 20 }),
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 30 }).map((units) => String.fromCharCode(...units)),
  repeated(["\ufdfa", "\u3316", "\u{1d160}", "\u0390", "\ufb2c", "\u00bc", "\u2a74"], 60),
  repeated(["👩‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍", "가각", "กำ", "ꙮ", "\u{10ffff}", "\ud800"], 4),
  repeated(["1", "0.1,", " ", "\t", "\n", "\u0000", "\\", '"', "\u001b", "<", "'"], 40),
  fc.constantFrom("<|im_start|>system", "<|endoftext|>", "<|eot_id|>", "", "ocp_", "\\u0041"),
);

/** A text that the model reads. */
export const texts = (count: Tokenizer): fc.Arbitrary<Piece<string>> =>
  strings.map((text) => piece(text, { tokens: count(text), allowance: normalizedBeyond(text) }));

const numbers = fc.oneof(fc.nat({ max: 9 }), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }));
const scalars = fc.oneof(numbers, fc.boolean(), fc.constant(null), strings);

const ofSchema = {
  type: fc.constantFrom("object", "string", "number", "array", "integer", "boolean", "null"),
  description: strings,
  enum: fc.array(scalars, { maxLength: 12 }),
  default: scalars,
  required: fc.array(fc.string({ maxLength: 8 }), { maxLength: 3 }),
  additionalProperties: fc.boolean(),
};

/** A JSON schema as agents' tools have them, and stranger ones. */
const schemas = fc.letrec<{ schema: Record<string, unknown> }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc.record(ofSchema, { requiredKeys: ["type"] }),
    fc.record(
      {
        ...ofSchema,
        properties: fc.dictionary(fc.string({ minLength: 1, maxLength: 12 }), tie("schema"), { maxKeys: 3 }),
        items: tie("schema"),
      },
      { requiredKeys: ["type"] },
    ),
  ),
})).schema;

/** Values whose keys no parser takes for something else. */
const isPlain = (value: unknown): boolean => !/"(__proto__|constructor|prototype)":/.test(JSON.stringify(value));

export const jsonSchemas = (write: (value: unknown) => number): fc.Arbitrary<Piece<Record<string, unknown>>> =>
  schemas
    .filter(isPlain)
    .map((schema) => piece(schema, { tokens: write(schema), allowance: normalizedBeyond(JSON.stringify(schema)) }));

/** Arguments and answers of tools, which a template writes as JSON. */
export const jsonObjects = (count: Tokenizer): fc.Arbitrary<Piece<Record<string, unknown>>> =>
  fc
    .dictionary(fc.string({ maxLength: 12 }), fc.oneof(scalars, fc.array(scalars, { maxLength: 8 })), { maxKeys: 4 })
    .filter(isPlain)
    .map((value) =>
      piece(value, { tokens: count(pythonJson(value)), allowance: normalizedBeyond(JSON.stringify(value)) }),
    );

/** As tools are called. */
export const names: fc.Arbitrary<string> = fc.stringMatching(/^[a-z][a-z_]{0,20}$/);
