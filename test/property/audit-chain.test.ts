import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, genesis, linkEvent, verifyLine } from "../../src/domain/audit-chain.ts";
import { lineMatcher, matchesFilter } from "../../src/storage/audit-line.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const time = "2026-11-22T18:00:00.000Z";

const text = fc.string({ unit: "grapheme", maxLength: 12 });
const field = fc.oneof(
  text,
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.array(text, { maxLength: 3 }),
);
const event = fc.record(
  {
    action: text,
    actor: text,
    target: fc.option(text, { nil: undefined }),
    details: fc.dictionary(fc.oneof(text, fc.constantFrom("__proto__", "constructor", "10", "9", "a")), field, {
      maxKeys: 5,
    }),
  },
  { requiredKeys: ["action", "actor"] },
);
const events = fc.array(event, { minLength: 1, maxLength: 12 });

async function chain(list: object[]): Promise<string[]> {
  const lines: string[] = [];
  let head = genesis;
  for (const item of list) {
    const link = await linkEvent(head, item, time, sha256);
    lines.push(link.line);
    head = link.head;
  }
  return lines;
}

/** The index of the first line at fault; the number of lines where there is none. */
async function firstFault(lines: string[]): Promise<number> {
  let head = genesis;
  for (const [index, line] of lines.entries()) {
    const step = await verifyLine(head, line, sha256);
    if (!step.ok) return index;
    head = step.head;
  }
  return lines.length;
}

const at = (lines: string[], pick: number) => pick % lines.length;
const pick = fc.nat({ max: 1_000_000 });

const filter = fc.record(
  {
    action: text,
    actor: text,
    target: text,
    from: fc.constantFrom("2026-11", "2026-11-23"),
    to: fc.constant("2026-11-22"),
  },
  { requiredKeys: [] },
);

describe("the audit chain", () => {
  it("is searched by its lines as by its events, whatever stands in their details", async () => {
    await fc.assert(
      fc.asyncProperty(events, filter, fc.boolean(), pick, async (list, asked, isOwn, chosen) => {
        const own = list[at(list as never, chosen)]!;
        const sought = isOwn ? { ...asked, action: own.action, target: own.target } : asked;
        const found = list.filter((one) => matchesFilter({ ...one, time } as never, sought));
        const matches = lineMatcher(sought);
        const lines = await chain(list);
        const read = list.filter((_, index) => matches(lines[index]!));
        expect(read).toEqual(expect.arrayContaining(found));
        expect(lines.filter(lineMatcher({ ...sought, from: "2026-12-01" }))).toEqual([]);
      }),
    );
  });

  it("verifies as it was written, and gives back each event", async () => {
    await fc.assert(
      fc.asyncProperty(events, async (list) => {
        const lines = await chain(list);
        expect(await firstFault(lines)).toBe(lines.length);
        for (const [index, line] of lines.entries()) {
          const { previous, hash, ...rest } = JSON.parse(line) as Record<string, unknown>;
          expect(canonicalJson(rest)).toBe(canonicalJson({ ...list[index], seq: index + 1, time }));
          expect(sha256(`${previous}${canonicalJson(rest)}`)).toBe(hash);
        }
      }),
    );
  });

  it("names the line in which any one character was changed, added or removed", async () => {
    await fc.assert(
      fc.asyncProperty(
        events,
        pick,
        pick,
        fc.constantFrom("change", "add", "remove"),
        text,
        async (list, p, q, how, by) => {
          const lines = await chain(list);
          const line = at(lines, p);
          const old = lines[line]!;
          const place = q % old.length;
          const changed =
            how === "add"
              ? `${old.slice(0, place)}${by || " "}${old.slice(place)}`
              : `${old.slice(0, place)}${how === "change" ? by : ""}${old.slice(place + 1)}`;
          fc.pre(changed !== old);
          expect(await firstFault(lines.with(line, changed))).toBe(line);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("names the line in which a field was changed, added or removed", async () => {
    await fc.assert(
      fc.asyncProperty(
        events,
        pick,
        fc.constantFrom("actor", "seq", "time", "__proto__", "extra"),
        field,
        async (list, p, name, value) => {
          const lines = await chain(list);
          const line = at(lines, p);
          const parsed = JSON.parse(lines[line]!) as Record<string, unknown>;
          const entries = [...Object.entries(parsed).filter(([key]) => key !== name), [name, value]];
          const forged = JSON.stringify(Object.fromEntries(entries));
          fc.pre(canonicalJson(Object.fromEntries(entries)) !== canonicalJson(parsed));
          expect(await firstFault(lines.with(line, forged))).toBe(line);
        },
      ),
    );
  });

  it("names the place at which an event was removed, unless it was the last", async () => {
    await fc.assert(
      fc.asyncProperty(events, pick, async (list, p) => {
        const lines = await chain(list);
        const line = at(lines, p);
        // Cutting the tail leaves a chain that is whole: the remembered head is there to miss it.
        expect(await firstFault(lines.toSpliced(line, 1))).toBe(line);
      }),
    );
  });

  it("names the first of two events that were swapped", async () => {
    await fc.assert(
      fc.asyncProperty(events, pick, pick, async (list, p, q) => {
        const lines = await chain(list);
        const [first, second] = [at(lines, p), at(lines, q)].sort((a, b) => a - b) as [number, number];
        fc.pre(first !== second);
        expect(await firstFault(lines.with(first, lines[second]!).with(second, lines[first]!))).toBe(first);
      }),
    );
  });

  it("names an event that was inserted, repeated, or forged onto the one before it", async () => {
    await fc.assert(
      fc.asyncProperty(events, event, pick, async (list, inserted, p) => {
        const lines = await chain(list);
        const line = at(lines, p);
        expect(await firstFault(lines.toSpliced(line + 1, 0, lines[line]!))).toBe(line + 1);
        const { seq, hash } = JSON.parse(lines[line]!) as { seq: number; hash: string };
        const forged = await linkEvent({ seq, hash }, inserted, "2026-11-22T18:00:00.001Z", sha256);
        // It follows well, and what followed before does not follow on it.
        const expected = Math.min(line + 2, lines.length + 1);
        expect(await firstFault(lines.toSpliced(line + 1, 0, forged.line))).toBe(expected);
      }),
    );
  });

  it("is the same whether digests come at once or later", async () => {
    await fc.assert(
      fc.asyncProperty(events, async (list) => {
        let head = genesis;
        for (const [index, line] of (await chain(list)).entries()) {
          const link = await linkEvent(head, list[index]!, time, async (input) => sha256(input));
          expect(link.line).toBe(line);
          expect(await verifyLine(head, line, async (input) => sha256(input))).toMatchObject({ ok: true });
          head = link.head;
        }
      }),
      { numRuns: 30 },
    );
  });

  it("takes a line nested a hundred thousand deep for no event", async () => {
    const line = `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)},"seq":1,"time":"","previous":"","hash":""}`;
    expect(await verifyLine(genesis, line, sha256)).toMatchObject({ ok: false });
  });

  it.each(["", "null", "[]", "5", "{}", '{"seq":1}', '{"seq":"1","time":"","previous":"","hash":""}'])(
    "takes %j for no event",
    async (line) => expect(await verifyLine(genesis, line, sha256)).toMatchObject({ ok: false }),
  );
});
