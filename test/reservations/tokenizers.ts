import * as cl100k from "gpt-tokenizer/encoding/cl100k_base";
import * as o200k from "gpt-tokenizer/encoding/o200k_base";

/** Tokens that a text is. */
export type Tokenizer = (text: string) => number;

/** A text that stands for a mark is text like any other. */
const asText = { disallowedSpecial: new Set<string>() };
const older: Tokenizer = (text) => cl100k.countTokens(text, asText);
const newer: Tokenizer = (text) => o200k.countTokens(text, asText);

const dearest =
  (...ways: Tokenizer[]): Tokenizer =>
  (text) =>
    Math.max(...ways.map((way) => way(text)));

const after =
  (form: "NFC" | "NFKC", tokenizer: Tokenizer): Tokenizer =>
  (text) =>
    tokenizer(text.normalize(form));

export const openAiTokens = dearest(older, newer);
/** The tokenizer that Anthropic has published normalizes (https://www.npmjs.com/package/@anthropic-ai/tokenizer). */
export const claudeTokens = dearest(older, after("NFKC", older));
export const geminiTokens = older;
/** Qwen's normalizes to NFC, and those of XLM-RoBERTa and T5 to NFKC. */
export const anyTokens = dearest(older, after("NFC", older), after("NFKC", older));

/** Bytes that a text gains where a tokenizer normalizes it. */
export const normalizedBeyond = (text: string): number =>
  Math.max(0, ...["NFC", "NFKC"].map((form) => Buffer.byteLength(text.normalize(form)) - Buffer.byteLength(text)));

/** As Python's `json.dumps` writes it. */
export function pythonJson(value: unknown, indent = 0, depth = 0): string {
  const line = (level: number): string => (indent === 0 ? "" : `\n${" ".repeat(indent * level)}`);
  const between = indent === 0 ? ", " : ",";
  const inner = (items: string[], open: string, close: string): string =>
    items.length === 0
      ? open + close
      : `${open}${line(depth + 1)}${items.join(`${between}${line(depth + 1)}`)}${line(depth)}${close}`;
  if (Array.isArray(value)) {
    return inner(
      value.map((item) => pythonJson(item, indent, depth + 1)),
      "[",
      "]",
    );
  }
  if (typeof value === "object" && value !== null) {
    return inner(
      Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${pythonJson(item, indent, depth + 1)}`),
      "{",
      "}",
    );
  }
  // Python writes a float out up to 1e16.
  return JSON.stringify(value) ?? "null";
}
