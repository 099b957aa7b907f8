import fc from "fast-check";
import { expect, it } from "vitest";
import { GivenTimestamp, Timestamp } from "../../src/schema/primitives.ts";

const two = (number: number): string => String(number).padStart(2, "0");
const offset = fc
  .tuple(fc.constantFrom("+", "-"), fc.nat(23), fc.nat(59))
  .map(([sign, hours, minutes]) => `${sign}${two(hours)}:${two(minutes)}`);
/** The first and the last day of what can be written, and some between. */
const local = fc
  .oneof(
    fc.integer({ min: Date.parse("0000-01-01T00:00:00Z"), max: Date.parse("0000-01-02T00:00:00Z") }),
    fc.integer({ min: Date.parse("9999-12-31T00:00:00Z"), max: Date.parse("9999-12-31T23:59:59Z") }),
    fc.integer({ min: Date.parse("2026-01-01T00:00:00Z"), max: Date.parse("2040-01-01T00:00:00Z") }),
  )
  .map((ms) => new Date(ms).toISOString().slice(0, -1));

it("a time that callers may give can be read where it is stored", () => {
  fc.assert(
    fc.property(local, fc.oneof(fc.constant("Z"), offset), (time, zone) => {
      const given = GivenTimestamp.safeParse(time + zone);
      if (given.success) expect(Timestamp.safeParse(given.data).success).toBe(true);
      else expect(new Date(time + zone).toISOString()).toMatch(/^[+-]/);
    }),
  );
});
