import { expect, it } from "vitest";
import { GrowingBytes } from "../../src/domain/growing-bytes.ts";

it("bytes that come in pieces are the same in one, and a piece of one byte takes hardly more than that", () => {
  const bytes = new GrowingBytes();
  expect(bytes.whole()).toEqual(new Uint8Array());
  const before = process.memoryUsage().rss;
  for (let at = 0; at < 1_000_000; at++) bytes.add(Uint8Array.of(at % 251));
  expect(process.memoryUsage().rss - before).toBeLessThan(120_000_000);
  bytes.add(new Uint8Array());
  bytes.add(Uint8Array.of(252, 253));
  const whole = bytes.whole();
  expect([bytes.length, whole.length]).toEqual([1_000_002, 1_000_002]);
  expect(whole.subarray(-2)).toEqual(Uint8Array.of(252, 253));
  expect(whole.findIndex((byte, at) => at < 1_000_000 && byte !== at % 251)).toBe(-1);
});
