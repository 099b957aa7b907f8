import { expect, it } from "vitest";
import { nextUpdate } from "../../src/service/state/agent-record.ts";

it.each([
  ["2026-12-01T00:00:00.005Z", "2026-12-01T00:00:00.005Z"],
  ["2026-12-01T00:00:00.000Z", "2026-12-01T00:00:00.001Z"],
  ["2025-12-01T00:00:00.000Z", "2026-12-01T00:00:00.001Z"],
])("a change at %s is dated later than the record that it changes", (now, expected) => {
  const clock = { now: () => Date.parse(now) };
  expect(nextUpdate({ clock }, { updatedAt: "2026-12-01T00:00:00.000Z" })).toBe(expected);
});
