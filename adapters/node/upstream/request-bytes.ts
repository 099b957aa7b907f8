import { Latin1Text } from "../latin1-text.ts";
import { UpstreamFault, type UpstreamRequest } from "./exchange.ts";

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const unsendableInPath = /[^\x21-\x7e\x80-\xff]/;
/** A character that would end a header's line, or that HTTP does not know in its value. */
export const unsendableInValue = /[^\t\x20-\x7e\x80-\xff]/;
const announcesBody: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);
/** Names that come again and again. */
const knownNames = new Set<string>();
const maxKnownNames = 256;
const head = new Latin1Text();

function isName(name: string): boolean {
  if (knownNames.has(name)) return true;
  if (!token.test(name)) return false;
  if (knownNames.size < maxKnownNames) knownNames.add(name);
  return true;
}

/** @throws UpstreamFault `unsendable`, where a part would end its line or the head */
export function requestBytes({ method, path, headers, body }: UpstreamRequest, host: string): Buffer {
  if (!isName(method) || path === "" || unsendableInPath.test(path)) {
    throw new UpstreamFault("unsendable", "the request's method or path cannot be sent");
  }
  head.begin();
  head.add(method);
  head.add(" ");
  head.add(path);
  head.add(" HTTP/1.1\r\nhost: ");
  head.add(host);
  head.add("\r\nconnection: keep-alive\r\n");
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    const value = headers[at + 1]!;
    if (!isName(name) || unsendableInValue.test(value)) {
      throw new UpstreamFault("unsendable", `the header ${JSON.stringify(name.slice(0, 64))} cannot be sent`);
    }
    head.addField(name, value);
  }
  const length = body?.length ?? 0;
  if (length > 0 || announcesBody.has(method)) head.addField("content-length", String(length));
  head.add("\r\n");
  return head.joined(body ?? undefined);
}
