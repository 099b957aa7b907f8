import type { JsonScan } from "./json-scan.ts";

const LF = 0x0a;
const CR = 0x0d;
const dataField = new TextEncoder().encode("data:");
const doneMark = new TextEncoder().encode("[DONE]");
const byteOrderMark = [0xef, 0xbb, 0xbf];

export interface SseScan {
  push(bytes: Uint8Array): void;
}

/**
 * Walks server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) in pieces cut anywhere,
 * with LF, CRLF or CR as line ends, and feeds what stands in `data` fields to the JSON scan.
 *
 * @param onEvent at each event's end: whether its data was `[DONE]`, and the index in the present piece after it
 */
export function createSseScan(json: JsonScan, onEvent: (done: boolean, end: number) => void): SseScan {
  let place: "field" | "space" | "data" | "rest" = "field";
  /** How much of `data:` this line has shown. */
  let matched = 0;
  let lineIsEmpty = true;
  let afterCr = false;
  /** How much of a byte order mark the stream has shown, or past it. */
  let opening = 0;
  /** How much of `[DONE]` this event's data has shown; -1 when it is something else. */
  let doneMatched = 0;

  function lineEnds(end: number): void {
    if (lineIsEmpty) {
      onEvent(doneMatched === doneMark.length, end);
      json.reset();
      doneMatched = 0;
    }
    place = "field";
    matched = 0;
    lineIsEmpty = true;
  }

  function data(bytes: Uint8Array, at: number): number {
    let mark = at;
    while (doneMatched >= 0 && doneMatched < doneMark.length && mark < bytes.length) {
      if (bytes[mark] !== doneMark[doneMatched]) doneMatched = -1;
      else {
        doneMatched++;
        mark++;
      }
    }
    return json.scan(bytes, at, bytes.length);
  }

  function push(bytes: Uint8Array): void {
    let at = 0;
    while (opening < byteOrderMark.length && at < bytes.length) {
      if (bytes[at] === byteOrderMark[opening]) at++;
      else opening = byteOrderMark.length;
      opening++;
    }
    while (at < bytes.length) {
      const byte = bytes[at]!;
      if (byte === LF && afterCr) {
        afterCr = false;
        at++;
        continue;
      }
      afterCr = false;
      if (byte === LF || byte === CR) {
        at++;
        afterCr = byte === CR;
        if (afterCr && bytes[at] === LF) {
          afterCr = false;
          at++;
        }
        lineEnds(at);
        continue;
      }
      lineIsEmpty = false;
      switch (place) {
        case "field":
          if (byte !== dataField[matched]) place = "rest";
          else {
            matched++;
            at++;
            if (matched === dataField.length) place = "space";
          }
          break;
        case "space":
          if (byte === 0x20) at++;
          place = "data";
          break;
        case "data":
          at = data(bytes, at);
          break;
        case "rest":
          while (at < bytes.length && bytes[at] !== LF && bytes[at] !== CR) at++;
          break;
      }
    }
  }

  return { push };
}
