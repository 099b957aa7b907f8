/** The head of a request that is plain. */
export interface PlainHead {
  method: "GET" | "POST";
  /** Path and query, which begin with `/proxy/`. */
  target: string;
  /** Names in lower case and values, by turns. */
  headers: string[];
  /** The body's length in bytes. */
  length: number;
  /** Whether the client means to send another request afterwards. */
  keepsAlive: boolean;
  /** The index after the head. */
  end: number;
}

/** Below `node:http`'s own bound, so that nothing is taken here that would be too long there. */
const maxHead = 8_192;
const maxFields = 64;
const headEnd = Buffer.from("\r\n\r\n");

const requestLine = /(?:GET|POST) \/proxy\/[\w.~:/?@!$&'()*+,;=%-]* HTTP\/1\.1\r\n/y;
const versionLength = " HTTP/1.1\r\n".length;
/** One space or none before the value, and none behind it. */
const fieldLine = /[!#$%&'*+.^_`|~\w-]+: ?[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?\r\n/y;
const space = 0x20;
const hostForm = /^[\w.:[\]-]+$/;
const lengthForm = /^(?:0|[1-9]\d{0,14})$/;

/** The kinds of fields in which a second reader could find another end of the request, or another request. */
type Kind = "any" | "once" | "never" | "host" | "length" | "connection";

const kinds: Readonly<Record<string, Kind>> = {
  host: "host",
  "content-length": "length",
  connection: "connection",
  authorization: "once",
  "x-api-key": "once",
  "x-goog-api-key": "once",
  cookie: "once",
  "content-type": "once",
  "content-encoding": "once",
  "idempotency-key": "once",
  "transfer-encoding": "never",
  te: "never",
  trailer: "never",
  expect: "never",
  upgrade: "never",
  "http2-settings": "never",
  "proxy-connection": "never",
};

interface FieldName {
  lower: string;
  kind: Kind;
}

const fieldNames = new Map<string, FieldName>();
const maxFieldNames = 512;

function fieldName(written: string): FieldName {
  const known = fieldNames.get(written);
  if (known !== undefined) return known;
  // A part of a text keeps the whole of it in memory, and that is a head with a key in it.
  const own = Buffer.from(written, "latin1").toString("latin1");
  const lower = own.toLowerCase();
  const name: FieldName = { lower, kind: Object.hasOwn(kinds, lower) ? kinds[lower]! : "any" };
  if (fieldNames.size < maxFieldNames) fieldNames.set(own, name);
  return name;
}

/**
 * Recognises the requests that agents' SDKs send to the proxy. Whatever two readers could take for two requests is none
 * of them (RFC 9112), nor is what is rare.
 *
 * @param bytes from the beginning of a request on
 * @returns `undefined` where it is not plain, or its head is not whole
 */
export function readPlainHead(bytes: Buffer): PlainHead | undefined {
  const end = bytes.indexOf(headEnd);
  if (end === -1 || end > maxHead) return undefined;
  const text = bytes.toString("latin1", 0, end + 2);
  requestLine.lastIndex = 0;
  // The expression only tests, and the text is cut: an array of matches for each line would be a tenth of the garbage.
  if (!requestLine.test(text)) return undefined;
  const method = text.startsWith("GET") ? "GET" : "POST";
  const target = text.slice(method.length + 1, requestLine.lastIndex - versionLength);
  const headers: string[] = [];
  let host: string | undefined;
  let length: string | undefined;
  let connection: string | undefined;
  for (let at = requestLine.lastIndex; at < text.length; at = fieldLine.lastIndex) {
    fieldLine.lastIndex = at;
    if (!fieldLine.test(text) || headers.length === 2 * maxFields) return undefined;
    const colon = text.indexOf(":", at);
    const { lower, kind } = fieldName(text.slice(at, colon));
    const from = text.charCodeAt(colon + 1) === space ? colon + 2 : colon + 1;
    const value = text.slice(from, fieldLine.lastIndex - 2);
    switch (kind) {
      case "any":
        break;
      case "once":
        if (headers.includes(lower)) return undefined;
        break;
      case "never":
        return undefined;
      case "host":
        if (host !== undefined || !hostForm.test(value)) return undefined;
        host = value;
        break;
      case "length":
        if (length !== undefined || !lengthForm.test(value)) return undefined;
        length = value;
        break;
      case "connection":
        if (connection !== undefined) return undefined;
        connection = value.toLowerCase();
        if (connection !== "keep-alive" && connection !== "close") return undefined;
    }
    headers.push(lower, value);
  }
  const bodyBytes = length === undefined ? 0 : Number(length);
  if (host === undefined || (method === "GET" && bodyBytes > 0)) return undefined;
  return {
    method,
    target,
    headers,
    length: bodyBytes,
    keepsAlive: connection !== "close",
    end: end + 4,
  };
}
