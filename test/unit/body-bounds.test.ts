import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import type { Problem } from "../../src/errors.ts";
import { readJson } from "../../src/http/read-json.ts";
import { readJsonBody } from "../../src/proxy/json-body.ts";

const rules = { known: ["max_tokens", "stream"], snakeCase: false };
const read = (text: string) => readJsonBody(Buffer.from(text), rules);

/** Milliseconds of this process's own work: other processes' do not count. */
function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const megabytes = (count: number) => count * 1_048_576;
const times = (count: number, part: (index: number) => string) => Array.from({ length: count }, (_, at) => part(at));

it.each<[name: string, text: string]>([
  ["3.1 million top-level keys", `{${times(3_100_000, (at) => `"${at.toString(36)}":1`)}}`],
  ["a million nested keys", `{"a":{${times(1_000_000, (at) => `"k${at}":1`)}}}`],
  ["16 million empty lists", `{"a":[${"[],".repeat(megabytes(32) / 3 - 8)}[]]}`],
  ["8 million empty objects, none of which is closed", `{"a":${"[{},".repeat(megabytes(32) / 4 - 8)}`],
  ["three million short strings", `{"a":[${"1,".repeat(1_000)}${'"abcdefgh",'.repeat(3_000_000)}1]}`],
  ["16 million numbers", `{"a":[${"1,".repeat(megabytes(32) / 2 - 8)}1]}`],
  ["16 million escaped quotes", `{"a":"${'\\"'.repeat(megabytes(32) / 2 - 8)}"}`],
])("a body of %s is refused before it is parsed, by the name of the bound", (_, text) => {
  let answer: ReturnType<typeof read> | undefined;
  expect(cpuMs(() => (answer = read(text)))).toBeLessThan(1_000);
  expect(answer).toMatchObject({ fault: expect.stringMatching(/more than 150,000 names|nested deeper than 512/) });
});

it.each<[name: string, text: string]>([
  ["an image in base64", `{"messages":[{"role":"user","content":"${"abcdEFG+".repeat(megabytes(32) / 8 - 8)}"}]}`],
  ["text", `{"messages":["${"A line of code (),{}:[]\\n".repeat(megabytes(32) / 26)}"]}`],
  ["text that quotes", `{"messages":["${'A line of \\"JSON\\":{}, and more\\n'.repeat(megabytes(16) / 33)}"]}`],
  ["text in two-byte characters", `{"messages":["${"日本語の文章です。".repeat(megabytes(32) / 30)}"]}`],
])("32 MB of %s pass", (_, text) => {
  expect(read(text)).toHaveProperty("body");
});

it("300,000 tokens of an embedding and a conversation of 3,000 turns with 200 tools pass", () => {
  expect(read(`{"input":[${times(300_000, (at) => String(at % 100_000))}]}`)).toHaveProperty("body");
  const turn = (at: number) =>
    `{"role":"user","content":[{"type":"tool_result","tool_use_id":"t${at}","content":[{"type":"text","text":"x"}]}]}`;
  const tool = `{"name":"x","input_schema":{"type":"object","properties":{${times(20, (at) => `"p${at}":{"type":"string","description":"d"}`)}}}}`;
  const text = `{"model":"m","messages":[${times(3_000, turn)}],"tools":[${times(200, () => tool)}]}`;
  expect(read(text)).toHaveProperty("body");
});

it("a name of a million characters is refused", () => {
  expect(read(`{"${"İ".repeat(1_000_000)}":1}`)).toEqual({ fault: expect.stringContaining("256 characters") });
});

it("reads an object's fields in time that grows with its length alone", () => {
  const bomb = (part: string) => part.repeat(megabytes(16) / part.length);
  for (const text of [
    bomb("\\"),
    bomb('"\\"'),
    bomb("{:  ,"),
    bomb(" "),
    bomb("{"),
    bomb('{"'),
    bomb('":'),
    bomb('\\\\"'),
  ]) {
    expect(cpuMs(() => read(`{"a":${text}`))).toBeLessThan(1_000);
    expect(cpuMs(() => read(`{"a":"${text}`))).toBeLessThan(1_000);
  }
});

describe("a body of the management API", () => {
  const schema = z.strictObject({ name: z.optional(z.string()) });
  const parse = async (text: string) => {
    const request = new Request("http://localhost/", { method: "POST", body: text });
    return await readJson(request, schema, { maxBytes: 1_048_576, optional: false }).catch((error: Problem) => error);
  };

  it.each([
    ["80,000 names", `{${times(80_000, (at) => `"k${at}":1`)}}`],
    ["300,000 lists", `[${"[],".repeat(300_000)}[]]`],
    ["a million nested lists", "[".repeat(1_000_000)],
  ])("of %s is refused before it is parsed", async (_, text) => {
    const before = process.cpuUsage();
    const answer = await parse(text);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(200);
    expect(answer).toMatchObject({
      code: expect.stringMatching(/body_too_large|invalid_json/),
      message: expect.stringMatching(/^The body (has more than 10,000 names|is nested deeper than 512)/),
    });
  });

  it("names fifty of its faults at most", async () => {
    const answer = await parse(`{${times(2_000, (at) => `"k${at}":1`)}}`);
    expect(answer).toMatchObject({ code: "invalid_body", message: expect.stringContaining("and 1999 more") });
    expect((answer as Problem).errors).toHaveLength(50);
  });

  it("of a megabyte of text passes", async () => {
    expect(await parse(`{"name":"${"a line\\n".repeat(120_000)}"}`)).toHaveProperty("name");
  });
});
