import { mutated } from "../mutated.ts";
import type { Random } from "../random.ts";

/** Requests as a client, or somebody in its place, could send them: right, odd and broken. As Latin-1. */

const requestLines = [
  ...Array<string>(80).fill("POST /proxy/openai/v1/chat/completions HTTP/1.1\r\n"),
  ...Array<string>(20).fill("GET /proxy/gemini/v1beta/models?key=a%20b&x=(1) HTTP/1.1\r\n"),
  ...["HEAD /proxy/a/v1 HTTP/1.1\r\n", "OPTIONS /proxy/a/v1 HTTP/1.1\r\n", "PUT /proxy/a HTTP/1.1\r\n"],
  ...["post /proxy/a HTTP/1.1\r\n", "POST /proxy/a HTTP/1.0\r\n", "POST /proxy/a HTTP/1.2\r\n", "POST /proxy/a\r\n"],
  ...[
    "POST  /proxy/a HTTP/1.1\r\n",
    "POST /proxy/a  HTTP/1.1\r\n",
    "POST /proxy/a HTTP/1.1 \r\n",
    "POST\t/proxy/a HTTP/1.1\r\n",
  ],
  ...[
    "POST http://a/proxy/a HTTP/1.1\r\n",
    "POST //proxy/a HTTP/1.1\r\n",
    "POST /proxy/a#b HTTP/1.1\r\n",
    "CONNECT a:1 HTTP/1.1\r\n",
  ],
  ...[
    "POST /proxy/\xe9 HTTP/1.1\r\n",
    "POST /proxy/a\0 HTTP/1.1\r\n",
    'POST /proxy/"<>^`{|}\\ HTTP/1.1\r\n',
    "POST * HTTP/1.1\r\n",
  ],
  ...[
    "\r\nPOST /proxy/a HTTP/1.1\r\n",
    "\nPOST /proxy/a HTTP/1.1\r\n",
    "POST /proxy/a HTTP/1.1\n",
    "POST /proxy/a HTTP/1.1\r",
  ],
  ...["POST /api/v1/agents HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "POST /proxy/a http/1.1\r\n"],
];
const goodLines = [
  ...[
    "authorization: Bearer a-key\r\n",
    "x-api-key: a-key\r\n",
    "Content-Type: application/json\r\n",
    "Accept:*/*\r\n",
  ],
  ...[
    "User-Agent: OpenAI/JS 7.57.0\r\n",
    "x-stainless-retry-count: 0\r\n",
    "Connection: keep-alive\r\n",
    "anthropic-version: 2023-06-01\r\n",
  ],
  ...["accept-encoding: gzip, br\r\n", "traceparent: 00-ab-cd-01\r\n", "anthropic-beta: a\r\nanthropic-beta: b\r\n"],
];
const oddLines = [
  ...[
    "X-Empty:\r\n",
    "X-Tab:\ta\t\r\n",
    "X-Spaces:   a  \r\n",
    "x-high: \xe9\r\n",
    "Connection: close\r\n",
    "Connection: Upgrade\r\n",
  ],
  ...[
    "Connection: keep-alive, close\r\n",
    "Connection: content-length\r\n",
    "connection: close\r\nconnection: keep-alive\r\n",
  ],
  ...[
    "Proxy-Connection: close\r\n",
    "Upgrade: websocket\r\n",
    "Expect: 100-continue\r\n",
    "TE: trailers\r\n",
    "Trailer: x\r\n",
  ],
  ...[
    "authorization: Bearer a\r\nAuthorization: Bearer b\r\n",
    "Host: b\r\n",
    "Host:\r\n",
    "Host: a, b\r\n",
    "Host: a b\r\n",
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
  ...[
    "x-cr: a\rb\r\n",
    "x-lf: a\nb\r\n",
    "x\0: y\r\n",
    "\x80: y\r\n",
    "x-vt: \x0b\r\n",
    "x-bare: a\n",
    "x-no-lf: a\r",
    "x-fold: a\r\n b\r\n",
  ],
  ...[`x-long: ${"a".repeat(9_000)}\r\n`, "a: b\r\n".repeat(70), "Content-Length : 3\r\n", "Content_Length: 3\r\n"],
];
const encodings = [
  ...["Transfer-Encoding: chunked\r\n", "transfer-encoding: Chunked\r\n", "Transfer-Encoding: gzip, chunked\r\n"],
  ...[
    "Transfer-Encoding: identity\r\n",
    "Transfer-Encoding:\r\n",
    "Transfer-Encoding: chunked \r\n",
    "Transfer-Encoding:chunked\r\n",
  ],
  ...["Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"],
  ...["Transfer-Encoding : chunked\r\n", "Transfer-Encoding:\tchunked\r\n", " Transfer-Encoding: chunked\r\n"],
  ...[
    "Transfer-Encoding:\x0bchunked\r\n",
    "X: y\rTransfer-Encoding: chunked\r\n",
    "X: y\nTransfer-Encoding: chunked\r\n",
  ],
  ...["Transfer-Encoding\r\n: chunked\r\n", "Transfer-Encoding:\r\n chunked\r\n", "TRANSFER-ENCODING: chunked\r\n"],
];
const lengthsOf = (length: number): string[] => [
  ...Array<string>(60).fill(`${length}`),
  ...[`+${length}`, `-${length}`, `0x${length}`, `${length}, ${length}`, `${length} `, `\t${length}`, `0${length}`, ""],
  ...[`${length + 3}`, `${Math.max(0, length - 2)}`, "99999999999999999999", `${length}\r\nContent-Length: ${length}`],
  ...[
    `${length}\r\nContent-Length: 1`,
    `${length} 1`,
    "1e1",
    `${length}\0`,
    `${length}\r\n 1`,
    `${length};1`,
    `0\r\ncontent-length: ${length}`,
  ],
];
const pieces = [
  ...["\r", "\n", "\r\n", "\r\n\r\n", "\0", ":", " ", "\t", ",", ";", "=", '"', "0", "f", "-1", "+1", "\x80", "\xff"],
  ...[
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "GET /proxy/a HTTP/1.1\r\nHost: a\r\n\r\n",
    "0\r\n\r\n",
  ],
  ...["Host: a\r\n", "Connection: close\r\n", "G", "x", "HTTP/1.1", "/proxy/", "expect: x\r\n", "upgrade: x\r\n"],
];

function text(random: Random): string {
  const characters = ["a", "{", "\r", "\n", "0", "\0", "\xe9", " ", "GET /proxy/a HTTP/1.1\r\nHost: a\r\n\r\n"];
  return Array.from({ length: random.below(14) }, () => random.one(characters)).join("");
}

function oneRequest(random: Random): string {
  const line = random.one(requestLines);
  let head = line + (random.chance(0.98) ? "Host: localhost:18789\r\n" : "");
  for (let count = random.below(5); count > 0; count--) head += random.one(goodLines);
  if (random.chance(0.12)) head += random.one(oddLines);
  let body = line.startsWith("POST") && random.chance(0.8) ? text(random) : "";
  if (body !== "" || random.chance(0.1)) head += `Content-Length: ${random.one(lengthsOf(body.length))}\r\n`;
  if (random.chance(0.05)) {
    head += random.one(encodings);
    body = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  }
  if (random.chance(0.3)) head += random.one(goodLines);
  return `${head}\r\n${body}`;
}

/** One or several, sent without waiting. */
export function oddRequests(random: Random): string {
  let requests = oneRequest(random);
  while (random.chance(0.2)) requests += oneRequest(random);
  while (random.chance(0.12)) requests = mutated(requests, pieces, random);
  return requests;
}

const post = "POST /proxy/openai/v1/chat/completions HTTP/1.1\r\nHost: a\r\n";
const hidden = "GET /proxy/hidden HTTP/1.1\r\nHost: a\r\n\r\n";
const chunkedHidden = `0\r\n\r\n${hidden}`;

/** In the terms of those who found them: whose length the front reads, and whose the back. */
export const smuggling: Readonly<Record<string, string>> = {
  "CL.TE": `${post}Content-Length: ${chunkedHidden.length}\r\nTransfer-Encoding: chunked\r\n\r\n${chunkedHidden}`,
  "TE.CL": `${post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`,
  ...Object.fromEntries(
    encodings.map((encoding, at) => [
      `TE.TE ${at}`,
      `${post}${encoding}Content-Length: ${chunkedHidden.length}\r\n\r\n${chunkedHidden}`,
    ]),
  ),
  "CL.0": `${post}Content-Length: ${hidden.length}\r\n\r\n${hidden}`,
  "0.CL": `GET /proxy/a HTTP/1.1\r\nHost: a\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
  "CL.CL": `${post}Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
  "CL.CL, equal": `${post}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`,
  "CL as a list": `${post}Content-Length: 0, ${hidden.length}\r\n\r\n${hidden}`,
  "CL folded": `${post}Content-Length:\r\n ${hidden.length}\r\n\r\n${hidden}`,
  "CL with a sign": `${post}Content-Length: +${hidden.length}\r\n\r\n${hidden}`,
  "CL in another base": `${post}Content-Length: 0x10\r\n\r\n${hidden}`,
  "CL beyond 64 bits": `${post}Content-Length: 18446744073709551616\r\n\r\n${hidden}`,
  "CL hop by hop": `${post}Connection: close, Content-Length\r\nContent-Length: 2\r\n\r\n{}${hidden}`,
  "CL with an underscore": `${post}Content_Length: ${hidden.length}\r\n\r\n${hidden}`,
  "CL before a colon's space": `${post}Content-Length : ${hidden.length}\r\n\r\n${hidden}`,
  "a bare line end": `${post}X: y\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
  "a bare return": `${post}X: y\rContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
  "an end of bare line ends": `${post}X: y\n\n${hidden}`,
  "a line end in a value": `${post}X: y\r\n\n${hidden}\r\n`,
  "a NUL in a name": `${post}Content-Length\0: ${hidden.length}\r\n\r\n${hidden}`,
  "a NUL in a value": `${post}Content-Length: ${hidden.length}\0\r\n\r\n${hidden}`,
  "a space before the first line": ` ${post}\r\n${hidden}`,
  "a folded first line": `${post.replace("Host", " X: y\r\nHost")}\r\n${hidden}`,
  "no version": `POST /proxy/a\r\nHost: a\r\n\r\n${hidden}`,
  "an old version": `${post.replace("1.1", "1.0")}Content-Length: 2\r\n\r\n{}${hidden}`,
  "a version of two digits": `${post.replace("1.1", "1.10")}\r\n${hidden}`,
  "an upgrade": `${post}Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n${hidden}`,
  "an expectation": `${post}Expect: 100-continue\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
  "an end after the first": `${post}Connection: close\r\n\r\n${hidden}`,
  "chunks of an odd size": `${post}Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n${hidden}`,
  "chunks with an extension of a line end": `${post}Transfer-Encoding: chunked\r\n\r\n2;\n{}\r\n0\r\n\r\n${hidden}`,
  "two hosts": `${post}Host: b\r\n\r\n${hidden}`,
  "no host": `POST /proxy/a HTTP/1.1\r\n\r\n${hidden}`,
  "a target in absolute form": `POST http://b/proxy/a HTTP/1.1\r\nHost: a\r\n\r\n${hidden}`,
  "a space in the target": `POST /proxy/a /b HTTP/1.1\r\nHost: a\r\n\r\n${hidden}`,
};
