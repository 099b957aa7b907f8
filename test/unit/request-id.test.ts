import { expect, it } from "vitest";
import { countInLetters } from "../../src/domain/request-id.ts";

it("tells requests apart by each byte of their count", () => {
  const counts = [0, 0x01_02_03_04, 0x10_20_30_40, 0xff_ff_ff_ff];
  expect(counts.map(countInLetters)).toEqual(["aaaaaaaa", "abacadae", "bacadaea", "pppppppp"]);
});
