import { expect, it } from "vitest";
import { createJsonMeter } from "../../src/proxy/usage/json-meter.ts";

it("adds up a list of answers of any length, and keeps none of them", () => {
  const meter = createJsonMeter({ format: "openai", writesText: true });
  const answer = '{"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}';
  const piece = Buffer.from(`${"{},".repeat(20_000)}${answer},`);
  meter.push(Buffer.from("["));
  const before = process.memoryUsage().heapUsed;
  for (let at = 0; at < 50; at++) meter.push(piece);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(150_000_000);
  meter.push(Buffer.from(`${answer}]`));
  expect(meter.usage()).toMatchObject({ input: 51 * 3, total: 51 * 7 });
  expect(meter.isComplete()).toBe(false);
});
