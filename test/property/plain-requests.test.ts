import { describe, expect, it } from "vitest";
import { createRandom } from "../random.ts";
import { oddRequests, smuggling } from "../requests/odd-requests.ts";
import { type Conversation, openRequestReader } from "../requests/request-readers.ts";

/** More by night: `PLAIN_REQUESTS=1000000 npx vitest run test/property/plain-requests.test.ts`. */
const cases = Number(process.env.PLAIN_REQUESTS ?? 20_000);
const together = 50;

const readByNode = openRequestReader(false);
const readByUs = openRequestReader(true);

function cut(bytes: Buffer, ends: readonly number[]): Buffer[] {
  let from = 0;
  return [...ends, bytes.length].map((end) => {
    const piece = bytes.subarray(from, end);
    from = end;
    return piece;
  });
}

const everyByte = (bytes: Buffer): number[] => Array.from({ length: bytes.length }, (_, at) => at);

/** Heads and bodies of the answers, without their order and spelling. */
const plainly = (answers: string): string[] =>
  answers
    .split("\r\n")
    .map((line) => line.toLowerCase().replace(/^date: .*/, "date"))
    .sort();

const headsOf = ({ requests }: Conversation) => requests.map(({ body, ...head }) => head);

/** The bytes of the first requests, as far as they were served on the socket. */
function plainPart(bytes: Buffer, { requests, plain }: Conversation): Buffer {
  let end = 0;
  for (const { body } of requests.slice(0, plain)) end = bytes.indexOf("\r\n\r\n", end) + 4 + (body?.length ?? 0);
  return bytes.subarray(0, end);
}

async function compare(name: unknown, bytes: Buffer, ends: readonly number[]): Promise<Conversation> {
  const [theirs, ours] = await Promise.all([readByNode(cut(bytes, ends)), readByUs(cut(bytes, ends))]);
  expect([name, ends, headsOf(ours)]).toEqual([name, ends, headsOf(theirs)]);
  if (!theirs.answers.includes("HTTP/1.1 400 ")) {
    expect([name, ends, ours.requests]).toEqual([name, ends, theirs.requests]);
    // A CONNECT ends a connection of Node's at once.
    if (theirs.answers !== "")
      expect([name, ends, plainly(ours.answers)]).toEqual([name, ends, plainly(theirs.answers)]);
  } else if (ours.plain > 0) {
    // Node drops the request before the one that is no HTTP, if it comes by then.
    const part = plainPart(bytes, ours);
    const alone = await readByNode(
      cut(
        part,
        ends.filter((end) => end < part.length),
      ),
    );
    expect([name, ends, ours.requests.slice(0, ours.plain)]).toEqual([name, ends, alone.requests]);
  }
  return ours;
}

describe("requests on a socket of ours", () => {
  it(
    "are those that node:http reads, however they are cut",
    async () => {
      let plain = 0;
      let others = 0;
      async function check(seed: number): Promise<void> {
        const random = createRandom(seed);
        const bytes = Buffer.from(oddRequests(random), "latin1");
        const at = random.below(bytes.length + 1);
        const ends = [[], [], [at], [at, Math.min(bytes.length, at + random.below(40))]][seed % 4]!;
        const read = await compare(seed, bytes, ends);
        plain += read.plain;
        others += read.requests.length - read.plain;
        if (seed % 50 === 0 && bytes.length < 2_000) await compare(seed, bytes, everyByte(bytes));
      }
      for (let from = 0; from < cases; from += together) {
        await Promise.all(Array.from({ length: together }, (_, at) => check(from + at)));
      }
      expect(plain).toBeGreaterThan(cases / 5);
      expect(others).toBeGreaterThan(cases / 10);
    },
    Math.max(180_000, cases * 8),
  );

  it.each(Object.entries(smuggling))("smuggle nothing: %s", async (name, text) => {
    const bytes = Buffer.from(text, "latin1");
    await compare(name, bytes, []);
    await compare(name, bytes, everyByte(bytes));
    for (let at = 1; at < bytes.length; at++) await compare(name, bytes, [at]);
  });
});
