import { mutated } from "../mutated.ts";
import type { Random } from "../random.ts";

/** Answers as an upstream, or somebody in its place, could send them: right, odd and broken. */

const statusLines = [
  ...Array<string>(12).fill("HTTP/1.1 200 OK\r\n"),
  ...["HTTP/1.1 200\r\n", "HTTP/1.1 200 \r\n", "HTTP/1.0 200 OK\r\n", "HTTP/1.1 204 No Content\r\n"],
  ...[
    "HTTP/1.1 304 Not Modified\r\n",
    "HTTP/1.1 429 Too Many\r\n",
    "HTTP/1.1 500 \x80\xff\r\n",
    "HTTP/1.1 101 Other\r\n",
  ],
  ...["HTTP/1.1  200 OK\r\n", "HTTP/2.0 200 OK\r\n", "http/1.1 200 OK\r\n", "HTTP/1.1 20 OK\r\n", "HTTP/1.1 200 OK\n"],
  ...[
    "ICY 200 OK\r\n",
    "HTTP/1.1 2000 OK\r\n",
    "HTTP/11 200 OK\r\n",
    "\r\nHTTP/1.1 200 OK\r\n",
    "HTTP/1.1 200 O\rK\r\n",
  ],
];
const oddLines = [
  ...["X-A: b\r\n", "x-a:\r\n", "X-Tab:\t a \t\r\n", "x-high: \x80\xe9\r\n", "Set-Cookie: a=b\r\n", "Date: today\r\n"],
  ...[
    "Connection: close\r\n",
    "Connection: keep-alive, Close\r\n",
    "Keep-Alive: timeout=5\r\n",
    "x: a\r\n",
    "x: b\r\n",
  ],
  ...[
    "X A: b\r\n",
    "X-A : b\r\n",
    ": b\r\n",
    " folded\r\n",
    "\tfolded\r\n",
    "x-nul: \0\r\n",
    "x-del: \x7f\r\n",
    "none\r\n",
  ],
  ...["x-cr: a\rb\r\n", "x-lf: a\nb\r\n", "x\0: y\r\n", "\x80: y\r\n", "x-vt: \x0b\r\n", "x-bare: a\n", "x-no-lf: a\r"],
];
const encodings = [
  ...Array<string>(10).fill("Transfer-Encoding: chunked\r\n"),
  ...["transfer-encoding: Chunked\r\n", "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: chunked, gzip\r\n"],
  ...["Transfer-Encoding: identity\r\n", "Transfer-Encoding:\r\n", "Transfer-Encoding: chunked \r\n"],
  ...["Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"],
  ...[
    "Transfer-Encoding : chunked\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
    "Transfer-Encoding: ,chunked\r\n",
  ],
];
const lengthsOf = (length: number): string[] => [
  ...Array<string>(10).fill(`${length}`),
  ...[`+${length}`, `-${length}`, `0x${length}`, `${length}, ${length}`, `${length} `, `\t${length}`, `0${length}`, ""],
  ...[`${length + 3}`, `${Math.max(0, length - 2)}`, "99999999999999999999", `${length}\r\nContent-Length: ${length}`],
  ...[`${length}\r\nContent-Length: 1`, `${length} 1`, "1e1", `${length}\0`],
];
const pieces = [
  ...[
    "\r",
    "\n",
    "\r\n",
    "\r\n\r\n",
    "\0",
    ":",
    " ",
    "\t",
    ",",
    ";",
    "=",
    '"',
    "0",
    "00",
    "f",
    "-1",
    "+1",
    "\x80",
    "\xff",
  ],
  ...["chunked", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "HTTP/1.1 200 OK\r\n\r\n", "0\r\n\r\n"],
  ...["HTTP/1.1 100 Continue\r\n\r\n", "Connection: close\r\n", "G", "x", "1\r\nx\r\n", "fffffffffffffffff"],
];

function text(random: Random): string {
  const characters = ["a", "{", "\r", "\n", "0", "\0", "\xe9", " ", "data: x\n\n"];
  return Array.from({ length: random.below(14) }, () => random.one(characters)).join("");
}

function chunk(data: string, random: Random): string {
  const size = data.length.toString(16);
  const spelled = random.one([
    ...Array<string>(14).fill(size),
    ...[size.toUpperCase(), `0${size}`, `${size};a`, `${size};a=b;c="d e"`, `${size};`, `${size} ;a=b`, `${size};a=`],
    ...[` ${size}`, `${size} `, `0x${size}`, `${size}g`, "", "ffffffffffffffff", `${size};\x01`, `${size};a="b`],
  ]);
  const ends = random.one([...Array<string>(30).fill("\r\n"), "\n", "\r", "", "\r\n\r\n"]);
  return `${spelled}\r\n${data}${ends}`;
}

function chunks(random: Random): string {
  let body = "";
  for (let count = random.below(4); count > 0; count--) {
    const data = text(random);
    if (data !== "") body += chunk(data, random);
  }
  const trailers = random.chance(0.2) ? random.one(oddLines) : "";
  const last = random.one([...Array<string>(12).fill("0\r\n"), "000\r\n", "0;a=b\r\n", "0 \r\n", "0\n", "", "-0\r\n"]);
  return `${body}${last}${trailers}\r\n`;
}

/** As Latin-1. */
export function oddAnswer(random: Random): string {
  let answer = "";
  while (random.chance(0.08)) {
    answer += random.one([
      "HTTP/1.1 103 Early\r\nlink: x\r\n\r\n",
      "HTTP/1.1 102 P\r\n\r\n",
      "HTTP/1.1 103 E\r\ncontent-length: 2\r\n\r\n",
    ]);
  }
  answer += random.one(statusLines);
  for (let count = random.below(3); count > 0; count--) answer += random.one(oddLines);
  const kind = random.below(3);
  const body = text(random);
  if (kind === 0) answer += `Content-Length: ${random.one(lengthsOf(body.length))}\r\n`;
  if (kind === 1) answer += random.one(encodings);
  for (let count = random.below(2); count > 0; count--) answer += random.one(oddLines);
  answer += `\r\n${kind === 1 ? chunks(random) : body}`;
  while (random.chance(0.35)) answer = mutated(answer, pieces, random);
  return answer;
}
