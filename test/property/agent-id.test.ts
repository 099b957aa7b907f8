import fc from "fast-check";
import { expect, it } from "vitest";
import { agentIdFrom } from "../../src/domain/agent-id.ts";
import { AgentId } from "../../src/schema/primitives.ts";

/** OpenClaw's own pattern. */
const pattern = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const name = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.stringMatching(/^[ A-Za-z0-9_.é!/-]{0,140}$/),
  fc.string({ unit: fc.constantFrom("-", "_", "a", "Z", "9", " ", "İ", "ß", "\u212a", "\n"), maxLength: 140 }),
);

it("is an id as OpenClaw has them, or none", () => {
  fc.assert(
    fc.property(name, (text) => {
      const id = agentIdFrom(text);
      if (id === undefined) return;
      expect(id).toMatch(pattern);
      expect(id).not.toMatch(/-$/);
      expect(AgentId.safeParse(id).success).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

it("of an id is that id", () => {
  fc.assert(
    fc.property(name, (text) => {
      const id = agentIdFrom(text);
      if (id !== undefined) expect(agentIdFrom(id)).toBe(id);
    }),
  );
});

it("is there for whatever has a Latin letter or a digit near its beginning", () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[ .!_-]{0,20}$/),
      fc.stringMatching(/^[A-Za-z0-9]$/),
      name,
      (before, first, rest) => {
        expect(agentIdFrom(before + first + rest)?.[0]).toBe(first.toLowerCase());
      },
    ),
  );
});

it.each([
  ["My Cool_Agent.v2 é!", "my-cool_agent-v2"],
  ["my-agent", "my-agent"],
  ["MAIN", "main"],
  ["  main  ", "main"],
  ["__x__", "x__"],
  ["a".repeat(65), "a".repeat(64)],
  [`${"a".repeat(63)}--b`, "a".repeat(63)],
  ["--- ", undefined],
  ["日本語", undefined],
  ["", undefined],
])("%j gives %j", (text, id) => {
  expect(agentIdFrom(text)).toBe(id);
});
