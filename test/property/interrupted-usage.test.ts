import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interruptedUsage } from "../../src/domain/interrupted-usage.ts";
import type { UsageFormat } from "../../src/domain/usage.ts";
import { hiddenCost } from "../../src/proxy/hidden-output.ts";
import { createSseMeter } from "../../src/proxy/usage/sse-meter.ts";

/**
 * A provider that bills by its own rules: the input whole, and every token that it has made when it notices that
 * nobody reads any more, whether it has shown it or not.
 */
interface Written {
  /** Made out of sight, before the text; the stream shows a note of it, or a summary. */
  thoughts: number;
  /** The text's tokens, each of a byte at least. */
  tokens: string[];
}
interface Run extends Written {
  input: number;
  /** What else the request might have cost: reserved, and not used. */
  slack: { input: number; output: number };
  /** Where it breaks off, as a share of the stream's bytes. */
  cutAt: number;
  /** Tokens made and not yet sent by then. */
  unsent: number;
  error: boolean;
}

const runs: fc.Arbitrary<Run> = fc.record({
  input: fc.integer({ min: 1, max: 200_000 }),
  thoughts: fc.nat({ max: 50_000 }),
  tokens: fc.array(fc.string({ minLength: 1, maxLength: 6 }), { maxLength: 60 }),
  slack: fc.record({ input: fc.nat({ max: 100_000 }), output: fc.nat({ max: 100_000 }) }),
  cutAt: fc.double({ min: 0, max: 1, noNaN: true }),
  unsent: fc.nat({ max: 40 }),
  error: fc.boolean(),
});

/** An event, and how many tokens were billed by the time at which it was sent. */
interface Sent {
  text: string;
  billed: number;
}
const event = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`;

const streams: Record<"anthropic" | "openai" | "gemini", (run: Run) => Sent[]> = {
  anthropic({ input, thoughts, tokens }) {
    const usage = { input_tokens: 1, cache_read_input_tokens: input - 1, output_tokens: 1 };
    const sent = [{ text: event({ type: "message_start", message: { usage } }), billed: 1 }];
    const block = (type: string) => event({ type: "content_block_start", content_block: { type } });
    if (thoughts > 0) sent.push({ text: block("thinking"), billed: thoughts });
    sent.push({ text: block("text"), billed: thoughts + 1 });
    tokens.forEach((text, at) => {
      sent.push({ text: event({ type: "content_block_delta", delta: { text } }), billed: thoughts + 1 + at });
    });
    return sent;
  },
  openai({ tokens, thoughts }) {
    return tokens.map((content, at) => ({
      text: event({ choices: [{ delta: { content } }], usage: null }),
      billed: thoughts + 1 + at,
    }));
  },
  gemini({ input, tokens, thoughts }) {
    return tokens.map((text, at) => ({
      text: event({
        candidates: [{ content: { parts: [{ text }] } }],
        usageMetadata: {
          promptTokenCount: input,
          candidatesTokenCount: at,
          thoughtsTokenCount: thoughts,
          totalTokenCount: input + at + thoughts,
        },
      }),
      billed: thoughts + 1 + at,
    }));
  },
};

const models = {
  anthropic: ["anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5"],
  openai: ["openai", "gpt-5", "gpt-4o"],
  gemini: ["gemini", "gemini-2.5-pro", "gemini-2.0-flash"],
} as const;

describe.each(["anthropic", "openai", "gemini"] as const)("an interrupted stream of %s", (format: UsageFormat) => {
  if (format === "openai-responses") return;
  it("is never charged less than the provider bills, nor more than was reserved", () => {
    fc.assert(
      fc.property(runs, (given) => {
        const [kind, thinks, plain] = models[format];
        const run = given.tokens.length === 0 && format !== "anthropic" ? { ...given, thoughts: 0 } : given;
        const sent = streams[format](run);
        const bytes = new TextEncoder().encode(sent.map(({ text }) => text).join(""));
        const anywhere = Math.floor(bytes.length * run.cutAt);
        // A provider that says so ends its last event first.
        const ends = Buffer.from(bytes).subarray(0, anywhere).lastIndexOf("\n\n");
        const cut = run.error ? (ends === -1 ? 0 : ends + 2) : anywhere;
        const whole = run.thoughts + 1 + run.tokens.length;
        let billed = 0;
        let length = 0;
        for (const one of sent) {
          // What was made is billed when the event begins to arrive.
          if (length < cut) billed = Math.min(one.billed + run.unsent, whole);
          length += one.text.length;
        }
        const hidden = hiddenCost(format, kind, run.thoughts > 0 ? thinks : plain, undefined);
        const meter = createSseMeter({ format, dropInjected: false, answers: 1, writesText: true, hidden });
        meter.push(bytes.slice(0, cut));
        if (run.error) meter.push(new TextEncoder().encode(event({ type: "error", error: { message: "no" } })));
        meter.end();
        expect(meter.isComplete()).toBe(false);
        const reserved = { input: run.input + run.slack.input, output: whole + run.slack.output };
        const charged = interruptedUsage(reserved, meter.progress()!);
        expect(charged.total).toBeGreaterThanOrEqual(Math.min(run.input + billed, reserved.input + reserved.output));
        expect(charged.total).toBeLessThanOrEqual(reserved.input + reserved.output);
        expect(charged.input + charged.output).toBe(charged.total);
      }),
      { numRuns: 500 },
    );
  });
});

it("a large reservation is not what a short stream costs", () => {
  const usage = { input_tokens: 3, cache_read_input_tokens: 22_000, output_tokens: 1 };
  const text = [
    event({ type: "message_start", message: { usage } }),
    event({ type: "content_block_start", content_block: { type: "text" } }),
    event({ type: "content_block_delta", delta: { text: "Hello" } }),
  ].join("");
  const meter = createSseMeter({
    ...{ format: "anthropic", dropInjected: false, answers: 1, writesText: true },
    hidden: hiddenCost("anthropic", "anthropic", "claude-opus-4-1", undefined),
  });
  meter.push(new TextEncoder().encode(text));
  const { total } = interruptedUsage({ input: 118_547, output: 32_000 }, meter.progress()!);
  expect(total).toBe(22_003 + text.length + 256);
});
