import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interruptedUsage, mostWritten } from "../../src/domain/interrupted-usage.ts";
import { hiddenCost } from "../../src/proxy/hidden-output.ts";
import { createSseMeter } from "../../src/proxy/usage/sse-meter.ts";

/**
 * A provider that bills by its own rules: the input whole, and every token that it has made when it notices that
 * nobody reads any more, whether it has shown it or not.
 */
interface Run {
  /** Blocks, one after the other: text, whose tokens are of a byte at least, and what is made out of sight. */
  blocks: { tokens: string[]; thoughts: number }[];
  /** Whether the model may think. */
  thinks: boolean;
  input: number;
  /** The rest that the request might have cost: reserved, and not used. */
  slack: { input: number; output: number };
  /** Where it breaks off, as a share of the stream's bytes. */
  cutAt: number;
  /** Tokens made and not yet sent by then. */
  unsent: number;
  error: boolean;
}

const runs: fc.Arbitrary<Run> = fc.record({
  blocks: fc.array(
    fc.record({
      tokens: fc.array(fc.string({ minLength: 1, maxLength: 6 }), { maxLength: 40 }),
      thoughts: fc.oneof(fc.constant(0), fc.nat({ max: 50_000 })),
    }),
    { maxLength: 4 },
  ),
  thinks: fc.boolean(),
  input: fc.integer({ min: 1, max: 200_000 }),
  slack: fc.record({ input: fc.nat({ max: 100_000 }), output: fc.nat({ max: 100_000 }) }),
  // A double would mostly be next to nothing.
  cutAt: fc.integer({ min: 0, max: 10_000 }).map((share) => share / 10_000),
  unsent: fc.nat({ max: 40 }),
  error: fc.boolean(),
});

/** An event, and how many tokens were made by the time at which it was sent. */
interface Sent {
  text: string;
  billed: number;
  /** Whether it may think after it, before it sends what is next. */
  mayThink: boolean;
}
const event = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`;

/** Each block's thoughts first, then its text. */
function written(run: Run, { opening, thinking, text }: Wording): { sent: Sent[]; whole: number } {
  let billed = 1;
  const sent: Sent[] = opening.map((piece) => ({ text: piece, billed, mayThink: true }));
  for (const { tokens, thoughts } of run.blocks) {
    billed += thoughts;
    if (thoughts > 0) for (const piece of thinking) sent.push({ text: piece, billed, mayThink: true });
    for (const piece of text.before) sent.push({ text: piece, billed, mayThink: false });
    for (const token of tokens)
      sent.push({ text: text.of(token), billed: ++billed, mayThink: text.after.length === 0 });
    for (const piece of text.after) sent.push({ text: piece, billed, mayThink: true });
  }
  return { sent, whole: billed };
}

interface Wording {
  opening: string[];
  thinking: string[];
  text: { before: string[]; of(token: string): string; after: string[] };
}

const stop = event({ type: "content_block_stop", index: 0 });
const start = (type: string) => event({ type: "content_block_start", content_block: { type } });
const wordings: Record<"anthropic" | "openai" | "gemini", (input: number) => Wording> = {
  anthropic(input) {
    const usage = { input_tokens: 1, cache_read_input_tokens: input - 1, output_tokens: 1 };
    return {
      opening: [event({ type: "message_start", message: { usage } })],
      thinking: [start("thinking"), stop],
      text: {
        before: [start("text")],
        of: (text) => event({ type: "content_block_delta", delta: { text } }),
        after: [stop],
      },
    };
  },
  openai: () => ({
    opening: [],
    thinking: [],
    text: { before: [], of: (content) => event({ choices: [{ delta: { content } }], usage: null }), after: [] },
  }),
  gemini: (input) => ({
    opening: [],
    thinking: [],
    text: {
      before: [],
      of: (text) =>
        event({
          candidates: [{ content: { parts: [{ text }] } }],
          usageMetadata: { promptTokenCount: input, totalTokenCount: input },
        }),
      after: [],
    },
  }),
};

const models = {
  anthropic: ["anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5"],
  openai: ["openai", "gpt-5", "gpt-4o"],
  gemini: ["gemini", "gemini-2.5-pro", "gemini-2.0-flash"],
} as const;
const asksForThoughts = { get: (name: string) => (name === "thinking" ? { type: "adaptive" } : undefined) };

describe.each(["anthropic", "openai", "gemini"] as const)("an interrupted stream of %s", (format) => {
  it("is never charged less than the provider bills, nor more than was reserved", () => {
    fc.assert(
      fc.property(runs, fc.option(fc.integer({ min: 100, max: 5_000 })), (given, pace) => {
        const [kind, thinking, plain] = models[format];
        const blocks = given.thinks ? given.blocks : given.blocks.map((block) => ({ ...block, thoughts: 0 }));
        const run = { ...given, blocks };
        const { sent, whole } = written(run, wordings[format](run.input));
        const bytes = new TextEncoder().encode(sent.map(({ text }) => text).join(""));
        const anywhere = Math.floor(bytes.length * run.cutAt);
        // A provider that says so ends its last event first.
        const ends = Buffer.from(bytes).subarray(0, anywhere).lastIndexOf("\n\n");
        const cut = run.error ? (ends === -1 ? 0 : ends + 2) : anywhere;
        let billed = 0;
        let length = 0;
        for (const [at, one] of sent.entries()) {
          // The text made is billed when the event begins to arrive; the thoughts that follow it may be made as well.
          if (length < cut) {
            const next = sent[at + 1];
            billed = run.thinks && one.mayThink && next ? Math.max(one.billed, next.billed - 1) : one.billed;
          }
          length += Buffer.byteLength(one.text);
        }
        billed = Math.min(billed + run.unsent, whole);
        const hidden = hiddenCost(
          format,
          kind,
          [run.thinks ? thinking : plain],
          run.thinks ? asksForThoughts : undefined,
        );
        const meter = createSseMeter({ format, dropInjected: false, answers: 1, writesText: true, hidden });
        meter.push(bytes.slice(0, cut));
        if (run.error) meter.push(new TextEncoder().encode(event({ type: "error", error: { message: "no" } })));
        meter.end();
        expect(meter.isComplete()).toBe(false);
        const reserved = { input: run.input + run.slack.input, output: whole + run.slack.output };
        // Written no faster than the pace, and noticed within a second.
        const most = pace === null ? undefined : mostWritten(pace, Math.ceil((billed / pace) * 1_000) - 1_000);
        const charged = interruptedUsage(reserved, meter.progress()!, most);
        expect(charged.total).toBeGreaterThanOrEqual(Math.min(run.input + billed, reserved.input + reserved.output));
        expect(charged.total).toBeLessThanOrEqual(reserved.input + reserved.output);
        expect(charged.input + charged.output).toBe(charged.total);
      }),
      { numRuns: 2_000 },
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
    hidden: hiddenCost("anthropic", "anthropic", ["claude-opus-4-1"], undefined),
  });
  meter.push(new TextEncoder().encode(text));
  const { total } = interruptedUsage({ input: 118_547, output: 32_000 }, meter.progress()!);
  expect(total).toBe(22_003 + text.length + 256);
});

it("thoughts that are over are bounded by the time that the model had", () => {
  expect(mostWritten(1_000, 3_000)).toBe(5_000);
  // A clock that was set back gives nothing away.
  expect(mostWritten(1_000, -60_000)).toBe(2_000);
  const progress = { told: { input: 12_345, output: 1, total: 12_346 }, inputIsTold: true, outputBytes: undefined };
  expect(interruptedUsage({ input: 20_000, output: 128_000 }, progress, 5_000).total).toBe(17_345);
  expect(interruptedUsage({ input: 20_000, output: 128_000 }, progress).total).toBe(140_345);
});
