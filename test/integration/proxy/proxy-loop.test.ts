import { afterAll, beforeAll, expect, it } from "vitest";
import { type ProxyStand, proxyStand } from "../../proxy-stand.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

let upstream: SampleUpstream;
let stand: ProxyStand;
/** Twice the runtime's own parse of the body that takes it longest: a slow or busy machine is slow at both. */
let mostMs: number;
beforeAll(async () => {
  const slowest = message(`"${filled("\\n")}"`);
  JSON.parse(slowest);
  const before = process.threadCpuUsage();
  JSON.parse(slowest);
  const { user, system } = process.threadCpuUsage(before);
  mostMs = (2 * (user + system)) / 1000;
  upstream = await startSampleUpstream({ keepSeen: false });
  stand = await proxyStand({ upstream: upstream.origin, quotas: { maxTokensPerMonth: 10_000_000_000 } });
});
afterAll(async () => {
  await stand.close();
  await upstream.close();
});

/** The longest that the event loop was held meanwhile, in milliseconds of this thread's CPU: others' load is not ours. */
async function longestHold<T>(work: Promise<T>): Promise<{ result: T; ms: number }> {
  let longest = 0;
  let running = true;
  let last = process.threadCpuUsage();
  const tick = () => {
    const { user, system } = process.threadCpuUsage(last);
    longest = Math.max(longest, (user + system) / 1000);
    last = process.threadCpuUsage();
    if (running) setImmediate(tick);
  };
  setImmediate(tick);
  const result = await work;
  // The step in which it ended counts as well.
  await new Promise(setImmediate);
  running = false;
  return { result, ms: longest };
}

/** Admits a body that has arrived, so that no work of a client's is measured. */
function admit(text: string) {
  const bytes = Buffer.from(text);
  return stand.admit({
    method: "POST",
    target: "/proxy/openai/v1/chat/completions",
    headers: ["authorization", `Bearer ${stand.key}`, "content-length", String(bytes.length)],
    address: () => "127.0.0.1",
    requestId: "req_test",
    body: async (refuse) => refuse(bytes.length) ?? { outcome: "read", bytes },
  });
}

const megabytes = (count: number) => count * 1_048_576;
const filled = (part: string) => part.repeat(Math.floor(megabytes(31.9) / Buffer.byteLength(part)));
const message = (content: string) =>
  `{"model":"gpt-5","max_tokens":1,"messages":[{"role":"user","content":${content}}]}`;

const toolOf = (enumeration: string) =>
  `{"model":"gpt-5","max_tokens":1,"messages":[],"tools":[{"type":"function","function":{"name":"a","parameters":{"enum":${enumeration}}}}]}`;

const modelsOf = (models: string[]) => JSON.stringify({ model: "gpt-5", models, max_tokens: 1, messages: [] });

const imagesOf = (type: string, count: number, base64: string) =>
  message(
    `[${`,{"type":"image_url","image_url":{"url":"data:image/${type};base64,${base64}"}}`.repeat(count).slice(1)}]`,
  );
/** A comment of so many blocks, none of which is longer than a byte. */
const gifOf = (blocks: number) =>
  Buffer.concat([
    Buffer.from("GIF89a\x01\0\x01\0\0\0\0", "latin1"),
    ...Array<Buffer>(Math.ceil(blocks / 16_000)).fill(Buffer.from(`!\xfe${"\x01a".repeat(16_000)}\0`, "latin1")),
  ]).toString("base64");
const jpegOf = (segments: number) =>
  Buffer.from(`\xff\xd8${"\xff\xe1\0\x02".repeat(segments)}`, "latin1").toString("base64");
const spaced = (base64: string) => base64.repeat(25).replaceAll("=", "A").slice(0, megabytes(2)).split("").join(" ");

it.each<[name: string, status: number, body: () => string]>([
  [
    "an image of 32 MB",
    200,
    () => message(`[{"type":"image_url","image_url":{"url":"data:image/png;base64,${filled("abcdEFG+")}"}}]`),
  ],
  ["text of 32 MB", 200, () => message(`"${filled("A line of some text, with a comma.\\n")}"`)],
  ["text of 32 MB in two-byte characters", 200, () => message(`"${filled("日本語の文章です。")}"`)],
  [
    "text of 32 MB that a bound is put into",
    200,
    () => message(`"${filled("A line of some text, with a comma.\\n")}"`).replace('"max_tokens":1,', ""),
  ],
  ["120,000 short strings", 200, () => message(`[${'"a",'.repeat(120_000)}1]`)],
  ["45,000 objects", 200, () => message(`[${'{"type":"text"},'.repeat(45_000)}1]`)],
  ["24,000 content blocks that name nothing", 200, () => message(`[${'{"type":"file","file":{}},'.repeat(24_000)}1]`)],
  ["seven GIFs of 3 MB, in blocks of one byte", 200, () => imagesOf("gif", 7, gifOf(1_500_000))],
  ["300 JPEGs of 16,000 empty segments", 200, () => imagesOf("jpeg", 300, jpegOf(16_000))],
  ["seven JPEGs with a space behind each character", 200, () => imagesOf("jpeg", 7, spaced(jpegOf(16_000)))],
  ["130,000 times the same model", 200, () => modelsOf(Array(130_000).fill("gpt-5"))],
  ["74,000 models", 400, () => modelsOf(Array.from({ length: 74_000 }, (_, at) => `gpt-5-${at}`))],
  ["a model's name of 30 MB", 200, () => modelsOf(["gpt-5-2025-08-07".padEnd(megabytes(30), "-1234")])],
  ["a schema of 1.1 million numbers", 200, () => toolOf(`[${"1,".repeat(1_100_000)}1]`)],
  ["a schema of 1.1 million exponents", 200, () => toolOf(`[${"1e9,".repeat(1_100_000)}1]`)],
  ["a schema of 1.1 million fractions", 200, () => toolOf(`[${"1.25,".repeat(1_100_000)}1]`)],
  ["32 million letters that may be of an escape", 200, () => message(`"${filled("u")}"`)],
  ["16 million escapes", 200, () => message(`"${filled("\\n")}"`)],
  ["3.1 million keys", 413, () => `{${Array.from({ length: 3_100_000 }, (_, at) => `"${at.toString(36)}":1`)}}`],
  ["ten million lists", 413, () => message(`[${"[],".repeat(10_000_000)}1]`)],
])("%s holds the event loop for a moment at most", async (_, status, body) => {
  const text = body();
  await admit('{"model":"gpt-5","max_tokens":1}');
  const { result, ms } = await longestHold(admit(text));
  if (result.outcome === "granted") result.release("test");
  expect(result.outcome === "refused" ? result.status : 200).toBe(status);
  expect(ms).toBeLessThan(mostMs);
});
