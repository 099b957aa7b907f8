import { expect, it } from "vitest";
import { createJsonScan, type Watch } from "../../src/proxy/usage/json-scan.ts";

const watch: Watch = { usage: { tokens: "value" } };
const encoder = new TextEncoder();

function scanned(...texts: string[]) {
  const found: [string, string | undefined][] = [];
  const scan = createJsonScan(watch, (path, text) => found.push([path, text]), false);
  for (const text of texts) {
    const bytes = encoder.encode(text);
    expect(scan.scan(bytes, 0, bytes.length)).toBe(bytes.length);
  }
  return { found, closed: scan.isClosed(), objects: scan.objects() };
}
const one = '{"usage":{"tokens":7}}';

it("looks into lists of lists, as far as any answer has them", () => {
  expect(scanned(`[[${one}],[${one}]]`)).toEqual({
    found: [
      ["usage.tokens", "7"],
      ["usage.tokens", "7"],
    ],
    closed: true,
    objects: 2,
  });
});

it("takes no more memory for lists that only open, and counts nothing in what is nested too deep", () => {
  const depth = 4_000_000;
  const piece = encoder.encode("[".repeat(depth));
  const scan = createJsonScan(watch, () => {}, false);
  const before = process.memoryUsage().heapUsed;
  scan.scan(piece, 0, piece.length);
  // A level of its own for each would take a hundred bytes.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(depth * 10);
  expect(scan.isClosed()).toBe(false);

  const deep = scanned(`${"[".repeat(1_000)}${one}`, "]".repeat(1_000));
  expect(deep).toEqual({ found: [], closed: true, objects: undefined });
  expect(scanned(`[${"[".repeat(1_000)}${"]".repeat(1_000)},${one}]`)).toEqual({
    found: [["usage.tokens", "7"]],
    closed: true,
    objects: undefined,
  });
});
