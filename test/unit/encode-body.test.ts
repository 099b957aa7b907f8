import { expect, it } from "vitest";
import { encodeBody } from "../../src/proxy/encode-body.ts";

it.each([
  ["a small text", "Größe 漢字 😀 \ud800"],
  ["none", ""],
  ["a large one of one byte each", "x".repeat(3_000_000)],
  ["a large one whose slices end within pairs", `x${"😀".repeat(1_200_000)}`],
  ["a large one of halves of pairs", `${"\ud83d".repeat(1_048_577)}${"\ude00x".repeat(600_000)}`],
])("%s is encoded as at once", async (_, text) => {
  expect(Buffer.from(text).equals(await encodeBody(text))).toBe(true);
});
