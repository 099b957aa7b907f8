import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { UsageFormat } from "../../src/domain/usage.ts";
import { createJsonMeter } from "../../src/proxy/usage/json-meter.ts";
import type { Meter } from "../../src/proxy/usage/meter.ts";
import { createSseMeter } from "../../src/proxy/usage/sse-meter.ts";
import { eventAnswer, jsonAnswer, type SampleRequest, type SampleUsage } from "../upstream/sample-answers.ts";

const formats: [SampleRequest["api"], UsageFormat][] = [
  ["anthropic", "anthropic"],
  ["openai", "openai"],
  ["responses", "openai-responses"],
  ["gemini", "gemini"],
];

const plain = { dropInjected: false, answers: 1, writesText: true, hidden: { output: true, calls: true, input: true } };
const count = fc.nat({ max: 5_000_000 });
const usages: fc.Arbitrary<SampleUsage> = fc.record({
  // A report of nothing but zeros is none, and no text costs nothing.
  input: fc.integer({ min: 1, max: 5_000_000 }),
  output: fc.integer({ min: 1, max: 5_000_000 }),
  cacheCreation: count,
  cacheRead: count,
  thoughts: count,
});
/** Among them what looks like usage, a field, a line's end or a marker, and characters of every length. */
const texts = fc.array(
  fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      '"usage":{"output_tokens":9}',
      "data: [DONE]\n\n",
      '\\"',
      "\r\n\r\n",
      "]}",
      "🚀",
      '"type":"message_stop"',
    ),
  ),
  { minLength: 1, maxLength: 8 },
);
const lineEnds = fc.constantFrom("\n", "\r\n", "\r");
const cutting = fc.oneof(
  fc.constant<number[]>([1]),
  fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 10 }),
);

function total(api: SampleRequest["api"], usage: SampleUsage): number {
  const sum = usage.input + usage.output;
  if (api === "anthropic") return sum + usage.cacheCreation + usage.cacheRead;
  return api === "gemini" ? sum + usage.thoughts : sum;
}

const request = (api: SampleRequest["api"], stream: boolean): SampleRequest => ({
  api,
  model: "sample-model",
  stream,
  tool: undefined,
  tellsUsage: true,
});

/** Feeds in pieces whose sizes repeat; @returns what went on to the client. */
function feed(meter: Meter, bytes: Uint8Array, sizes: number[]): Uint8Array {
  const passed: Uint8Array[] = [];
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    // A buffer of its own that is overwritten after use, as an upstream's may be.
    const piece = Buffer.from(bytes.subarray(at, at + size));
    const on = meter.push(piece);
    if (on) passed.push(new Uint8Array(on));
    piece.fill(0x22);
    at += size;
  }
  const rest = meter.end();
  if (rest) passed.push(new Uint8Array(rest));
  return Buffer.concat(passed);
}

const sse = (
  api: SampleRequest["api"],
  pieces: string[],
  usage: SampleUsage,
  end: string,
  comments: boolean,
): Buffer => {
  const events = eventAnswer(request(api, true), pieces, usage).map(
    ({ event, data }) => `${event ? `event: ${event}${end}` : ""}data:${comments ? "" : " "}${data}${end}${end}`,
  );
  return Buffer.from(comments ? `\ufeff: keep-alive${end}${end}${events.join(`:${end}`)}` : events.join(""));
};

describe.each(formats)("usage of %s", (api, format) => {
  it("is the same however a stream is cut, whatever its text and its line ends", () => {
    fc.assert(
      fc.property(texts, usages, lineEnds, cutting, fc.boolean(), (pieces, usage, end, sizes, comments) => {
        const bytes = sse(api, pieces, usage, end, comments);
        const meter = createSseMeter({ ...plain, format });
        expect(Buffer.from(feed(meter, bytes, sizes)).equals(bytes)).toBe(true);
        expect(meter.isComplete()).toBe(true);
        expect(meter.usage().total).toBe(total(api, usage));
      }),
      { numRuns: 300 },
    );
  });

  it("is the same however JSON is cut, pretty-printed or not", () => {
    fc.assert(
      fc.property(texts, usages, cutting, fc.boolean(), (pieces, usage, sizes, pretty) => {
        const bytes = Buffer.from(JSON.stringify(jsonAnswer(request(api, false), pieces, usage), null, pretty ? 2 : 0));
        const meter = createJsonMeter({ ...plain, format });
        expect(Buffer.from(feed(meter, bytes, sizes)).equals(bytes)).toBe(true);
        expect(meter.isComplete()).toBe(true);
        expect(meter.usage().total).toBe(total(api, usage));
      }),
      { numRuns: 300 },
    );
  });

  it("is never complete before the end, wherever the stream breaks off", () => {
    fc.assert(
      fc.property(texts, usages, fc.nat(), (pieces, usage, where) => {
        const bytes = sse(api, pieces, usage, "\n", false);
        // The last event of each stream is the one that ends it.
        const lastEvent = bytes.lastIndexOf("data: ");
        const meter = createSseMeter({ ...plain, format });
        feed(meter, bytes.subarray(0, where % lastEvent), [7]);
        expect(meter.isComplete()).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});

it.each(["completed", "incomplete", "failed"])(
  "takes a response that is %s without a report for ended, whether it comes in one piece or byte by byte",
  (status) => {
    const events = [
      { type: "response.output_text.delta", delta: "a".repeat(400) },
      { type: `response.${status}`, response: { status, usage: null } },
    ];
    const stream = Buffer.from(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""));
    for (const size of [1, stream.length]) {
      const meter = createSseMeter({
        ...plain,
        format: "openai-responses",
        hidden: { output: false, calls: false, input: false },
      });
      feed(meter, stream, [size]);
      expect(meter.isComplete()).toBe(false);
      expect(meter.progress()).toBeUndefined();
    }
  },
);

it("keeps only the usage chunk that was not asked for from the client, however the stream is cut", () => {
  fc.assert(
    fc.property(texts, usages, lineEnds, cutting, (pieces, usage, end, sizes) => {
      const bytes = sse("openai", pieces, usage, end, false);
      const meter = createSseMeter({ ...plain, format: "openai", dropInjected: true });
      const passed = Buffer.from(feed(meter, bytes, sizes)).toString();
      const events = bytes
        .toString()
        .split(`${end}${end}`)
        .filter((event) => !event.includes('"choices":[]'));
      expect(passed).toBe(events.join(`${end}${end}`));
      expect(meter.usage().total).toBe(usage.input + usage.output);
      expect(meter.isFinal()).toBe(true);
    }),
    { numRuns: 500 },
  );
});

it("reads Gemini's stream without alt=sse, an array of chunks, however it is cut", () => {
  fc.assert(
    fc.property(texts, usages, cutting, (pieces, usage, sizes) => {
      const chunks = eventAnswer(request("gemini", true), pieces, usage).map(({ data }) => data);
      const meter = createJsonMeter({ ...plain, format: "gemini" });
      feed(meter, Buffer.from(`[${chunks.join(",\r\n")}]`), sizes);
      expect(meter.isComplete()).toBe(true);
      expect(meter.usage().total).toBe(total("gemini", usage));
    }),
  );
});

it("reads events of 10 MB", () => {
  for (const [api, format] of formats) {
    const big = '🚀 "usage" '.repeat(800_000);
    const usage = { input: 3, output: 4, cacheCreation: 0, cacheRead: 0, thoughts: 0 };
    const bytes = sse(api, [big], usage, "\n", false);
    expect(bytes.length).toBeGreaterThan(10_000_000);
    const meter = createSseMeter({ ...plain, format, dropInjected: api === "openai" });
    let most = 0;
    for (let at = 0; at < bytes.length; at += 65_536)
      most = Math.max(most, meter.push(bytes.subarray(at, at + 65_536))?.length ?? 0);
    expect(meter.usage().total).toBe(7);
    expect(meter.isComplete()).toBe(true);
    // Nothing of it was held back until it was whole.
    expect(most).toBeLessThan(200_000);
  }
});
