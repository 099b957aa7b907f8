import { describe, expect, it } from "vitest";
import { AnswerReader } from "../../adapters/node/upstream/answer-reader.ts";
import { createRandom } from "../random.ts";
import { oddAnswer } from "../upstream/odd-answers.ts";
import { openNodeHttp, openUndici, type ReadAnswer } from "../upstream/other-readers.ts";

/** More by night: `UPSTREAM_ANSWERS=1000000 npx vitest run test/property/upstream-answers.test.ts`. */
const cases = Number(process.env.UPSTREAM_ANSWERS ?? 20_000);
const together = 50;
const maxHead = 65_536;

interface Own {
  answer: ReadAnswer;
  beyond: number;
}

/** @param ends where to cut the answer */
function readByUs(answer: Buffer, ends: readonly number[]): Own {
  const reader = new AnswerReader(false, maxHead);
  const body: Buffer[] = [];
  let from = 0;
  for (const end of [...ends, answer.length]) {
    // In memory that is used again, as a socket's is.
    const piece = Buffer.from(answer.subarray(from, end));
    const part = reader.read(piece);
    piece.fill(0x58);
    if (part) body.push(part);
    from = end;
  }
  const { head, fault, beyond } = reader;
  if (fault !== undefined || !reader.end() || head === undefined) return { answer: undefined, beyond: 0 };
  const headers = Object.fromEntries(
    Object.entries(head.headers).map(([name, value]) => [name, [value].flat().join(", ")]),
  );
  return { answer: { status: head.status, headers, body: Buffer.concat(body).toString("latin1") }, beyond };
}

describe("answers of an upstream", () => {
  const everyByte = (answer: Buffer): number[] => Array.from({ length: answer.length }, (_, at) => at);

  it("are read the same however they are cut", () => {
    for (let seed = 0; seed < cases; seed++) {
      const random = createRandom(seed);
      const answer = Buffer.from(oddAnswer(random), "latin1");
      const whole = readByUs(answer, []);
      const cut = random.below(answer.length + 1);
      expect([seed, readByUs(answer, [cut])]).toEqual([seed, whole]);
      if (seed % 4 === 0) expect([seed, readByUs(answer, everyByte(answer))]).toEqual([seed, whole]);
    }
  }, 120_000);

  it.each(["HTTP/1.1 102 P\r\nConnection: close\r\n\r\n", "HTTP/1.0 100 Continue\r\n\r\n"])(
    "end with an interim one that closes the connection: %j",
    (interim) => {
      const answer = Buffer.from(`${interim}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}`);
      expect(readByUs(answer, []).answer).toBeUndefined();
    },
  );

  it.each([
    ["node:http", openNodeHttp, 1, /$^/],
    // White space after a length, which undici counts among the digits, and a 100, which it takes for an error.
    ["undici", openUndici, 4, /^content-length:[\t ]*\d+[\t ]+\r\n|^HTTP\/1.1 100 /im],
  ] as const)(
    "are none that %s refuses, and the same that it reads",
    async (_, open, share, wrong) => {
      const other = await open();
      let accepted = 0;
      async function check(seed: number): Promise<void> {
        const bytes = Buffer.from(oddAnswer(createRandom(seed)), "latin1");
        const { answer, beyond } = readByUs(bytes, []);
        if (answer === undefined || wrong.test(bytes.toString("latin1"))) return;
        accepted++;
        expect([seed, answer]).toEqual([seed, await other.read(bytes.subarray(0, bytes.length - beyond))]);
      }
      for (let from = 0; from < cases / share; from += together) {
        await Promise.all(Array.from({ length: together }, (_, at) => check(from + at)));
      }
      await other.close();
      expect(accepted).toBeGreaterThan(cases / share / 10);
    },
    120_000,
  );
});
