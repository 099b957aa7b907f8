import type { AnswerHeaders } from "./exchange.ts";

/** How an answer's body ends. */
type Framing = { kind: "none" } | { kind: "length"; bytes: number } | { kind: "chunked" } | { kind: "close" };

/** The status line and headers of an upstream's answer, and how its body ends. */
export interface AnswerHead {
  status: number;
  headers: AnswerHeaders;
  framing: Framing;
  /** Whether the connection may take another request afterwards. */
  keepsAlive: boolean;
  /** Seconds for which the upstream keeps it, where it says so. */
  keptFor: number | undefined;
}

const statusLine = /HTTP\/1\.[01] [1-9]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?\r\n/y;
const headerLine = /[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n/y;
const digits = /^\d{1,15}$/;

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

function trimmed(text: string, from: number, end: number): string {
  while (from < end && isBlank(text.charCodeAt(from))) from++;
  while (end > from && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(from, end);
}

/** @returns where the lines end, -1 where one of them is no header */
function readLines(text: string, from: number, add: (name: string, value: string) => void): number {
  headerLine.lastIndex = from;
  let at = from;
  while (at < text.length) {
    if (!headerLine.test(text)) return -1;
    const colon = text.indexOf(":", at);
    const end = headerLine.lastIndex;
    add(text.slice(at, colon).toLowerCase(), trimmed(text, colon + 1, end - 2));
    at = end;
  }
  return at;
}

const ignore = () => {};

/** Whether these are whole header lines and nothing else. */
export const areHeaderLines = (text: string): boolean => readLines(text, 0, ignore) === text.length;

/**
 * Stricter than the standard allows (RFC 9112): whatever two readers could take for two answers is none.
 *
 * @param text as Latin-1, with the line ends of its lines and without the empty one
 * @param bodiless the request was a HEAD
 * @returns a fault where it is no head
 */
export function readAnswerHead(text: string, bodiless: boolean): AnswerHead | { fault: string } {
  statusLine.lastIndex = 0;
  if (!statusLine.test(text)) return { fault: "the answer does not begin with a status line" };
  const isOld = text.startsWith("HTTP/1.0");
  const status = Number(text.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length));
  const headers: AnswerHeaders = Object.create(null);
  const add = (name: string, value: string): void => {
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (typeof before === "string") headers[name] = [before, value];
    else before.push(value);
  };
  if (readLines(text, statusLine.lastIndex, add) !== text.length) return { fault: "a line of the head is no header" };
  const framing = framingOf(headers, status, isOld, bodiless);
  if ("fault" in framing) return framing;
  const connection = headers.connection === undefined ? "" : [headers.connection].flat().join(",").toLowerCase();
  // A 408 may be of a connection that was idle: the answer to the request is then still to come, and would be another's.
  const closes = isOld || status === 408 || framing.kind === "close" || /(^|[\t ,])close($|[\t ,])/.test(connection);
  const kept = headers["keep-alive"] === undefined ? undefined : keptFor.exec([headers["keep-alive"]].flat().join(","));
  return { status, headers, framing, keepsAlive: !closes, keptFor: kept ? Number(kept[1]) : undefined };
}

const keptFor = /(?:^|[\t ,])timeout=(\d{1,6})/i;

function framingOf(
  headers: AnswerHeaders,
  status: number,
  old: boolean,
  bodiless: boolean,
): Framing | { fault: string } {
  const { "content-length": length, "transfer-encoding": encoding } = headers;
  if (length !== undefined && (typeof length !== "string" || !digits.test(length))) {
    return { fault: "the answer's length is not one number" };
  }
  if (encoding !== undefined) {
    if (length !== undefined) return { fault: "the answer has two lengths" };
    if (old || typeof encoding !== "string" || encoding.toLowerCase() !== "chunked") {
      return { fault: "the answer's transfer encoding is not chunked alone" };
    }
  }
  if (status === 101) return { fault: "the answer switches to a protocol that nobody asked for" };
  if (status < 200) return length === undefined && encoding === undefined ? none : { fault: "a 1xx has a body" };
  if (bodiless || status === 204 || status === 304) return none;
  if (encoding !== undefined) return { kind: "chunked" };
  return length === undefined ? { kind: "close" } : { kind: "length", bytes: Number(length) };
}

const none: Framing = { kind: "none" };
