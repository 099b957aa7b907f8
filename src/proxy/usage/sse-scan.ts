import { CR, LF, SPACE } from "./bytes.ts";
import type { JsonScan } from "./json-scan.ts";

/** Below this a piece is walked faster than it is searched. */
const leastSearched = 256;
const decoder = new TextDecoder();
const dataField = new TextEncoder().encode("data:");
const doneMark = new TextEncoder().encode("[DONE]");
const byteOrderMark = [0xef, 0xbb, 0xbf];

export interface SseScan {
  push(bytes: Uint8Array): void;
  /** Whether the data of the event under way is `[DONE]`. */
  endsInDone(): boolean;
  /** Whether no event is under way. */
  isBetweenEvents(): boolean;
}

/**
 * Walks server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) in pieces cut anywhere,
 * with LF, CRLF or CR as line ends, and feeds what stands in `data` fields to the JSON scan.
 *
 * @param onEvent at each event's end (or after several that do not matter): whether its data was `[DONE]`, and the
 *   index in the present piece after it
 * @param matters where in the text of whole events something may stand that is to be found, -1 for nowhere: a native
 *   search is ten times faster than the walk. Absent: every event is walked.
 */
export function createSseScan(
  json: JsonScan,
  onEvent: (done: boolean, end: number) => void,
  matters?: (text: string) => number,
): SseScan {
  let place: "field" | "space" | "data" | "rest" = "field";
  /** How much of `data:` this line has shown. */
  let matched = 0;
  let lineIsEmpty = true;
  let eventIsEmpty = true;
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
      eventIsEmpty = true;
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
    let searched = matters === undefined;
    while (at < bytes.length) {
      if (!searched && eventIsEmpty && !afterCr) {
        searched = true;
        at = skipEvents(bytes, at);
        continue;
      }
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
      lineIsEmpty = eventIsEmpty = false;
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
          if (byte === SPACE) at++;
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

  /** Once in a piece: past the whole events in it, if none of them matters. */
  function skipEvents(bytes: Uint8Array, at: number): number {
    if (bytes.length - at < leastSearched) return at;
    let end = lastEventEnd(bytes);
    if (end <= at) return at;
    const text = decoder.decode(bytes.subarray(at, end));
    const hit = matters!(text);
    if (hit !== -1) {
      // Only in ASCII does the text's index tell the byte's.
      const before = text.length === end - at ? text.lastIndexOf("\n\n", hit) : -1;
      if (before === -1) return at;
      end = at + before + 2;
    }
    onEvent(false, end);
    return end;
  }

  return { push, endsInDone: () => doneMatched === doneMark.length, isBetweenEvents: () => eventIsEmpty };
}

/** The index after the last blank line that ends in LF; 0 where there is none. */
function lastEventEnd(bytes: Uint8Array): number {
  for (let at = bytes.lastIndexOf(LF); at > 0; at = bytes.lastIndexOf(LF, at - 1)) {
    const before = bytes[at - 1] === CR ? bytes[at - 2] : bytes[at - 1];
    if (before === LF) return at + 1;
  }
  return 0;
}
