import fc from "fast-check";
import { expect, it } from "vitest";
import { parseDuration, parseExpiry } from "../../src/cli/duration.ts";

const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const unit = fc.constantFrom(...(Object.keys(unitMs) as (keyof typeof unitMs)[]));
const now = fc.integer({ min: 0, max: Date.parse("9000-01-01T00:00:00Z") });

it("a number and a unit are that many units", () => {
  fc.assert(
    fc.property(fc.nat(999_999_999), unit, (count, of) => {
      expect(parseDuration(`${count}${of}`)).toBe(count * unitMs[of]);
    }),
  );
});

it("nothing else is a duration", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(text !== "0" && !/^\d{1,9}[smhdw]$/.test(text));
      expect(parseDuration(text)).toBeUndefined();
    }),
  );
  for (const text of ["", "5", "00", "1.5h", "-1h", "1 h", "1H", "1h30m", "1h\n", "١h", "9999999999s"]) {
    expect(parseDuration(text), text).toBeUndefined();
  }
});

it("an expiry by duration is that far from now", () => {
  fc.assert(
    fc.property(now, fc.nat(36_000), unit, (at, count, of) => {
      const expiry = parseExpiry(`${count}${of}`, at);
      expect(expiry).toBe(new Date(at + count * unitMs[of]).toISOString());
    }),
  );
});

it("an expiry by time is that moment, in whatever zone it is written", () => {
  const minutes = fc.integer({ min: -14 * 60, max: 14 * 60 });
  const date = fc.date({ min: new Date("1971-01-01"), max: new Date("9998-12-31"), noInvalidDate: true });
  fc.assert(
    fc.property(date, minutes, now, (moment, offset, at) => {
      const local = new Date(moment.getTime() + offset * 60_000).toISOString().slice(0, -1);
      const size = Math.abs(offset);
      const two = (part: number) => String(part).padStart(2, "0");
      const zone = `${offset < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
      expect(parseExpiry(local + zone, at)).toBe(moment.toISOString());
    }),
  );
});

it("never throws, and never answers anything but ISO in UTC with a four-digit year", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[\dTZ:+.wdhms-]{0,25}$/)), now, (text, at) => {
      const expiry = parseExpiry(text, at);
      if (expiry !== undefined) expect(expiry).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
    }),
  );
  expect(parseExpiry("999999999w", Date.now())).toBeUndefined();
  expect(parseExpiry("2026-12-01T00:00:00", 0)).toBeUndefined();
  expect(parseExpiry("2026-12-01", 0)).toBe("2026-12-01T00:00:00.000Z");
});
