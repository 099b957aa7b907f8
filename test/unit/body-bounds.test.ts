import { expect, it } from "vitest";
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
  expect(answer).toEqual({ fault: expect.stringMatching(/more than 150,000 names|nested deeper than 512/) });
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
