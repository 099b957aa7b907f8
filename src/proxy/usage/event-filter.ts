import { copyOf, joined } from "./byte-capture.ts";
import { CR, LF } from "./bytes.ts";

/** A dropped event (a usage chunk) has some 300 bytes. An event beyond this is something else and not held back. */
const maxHeld = 65_536;

/**
 * Leaves whole events out of a stream that comes in pieces. All else goes on at once, byte for byte: only the
 * beginning of an event of which nobody can tell yet is held back.
 */
export interface EventFilter {
  begin(piece: Uint8Array): void;
  /** An event ends before this index of the piece. */
  eventEnds(end: number, drops: boolean): void;
  /** @param decided that the event that has begun stays; @returns what of the piece goes on */
  passed(decided: boolean): Uint8Array | undefined;
  /** The bytes that are held back when the stream ends. */
  held(): Uint8Array | undefined;
}

/** Holds back 64 KiB at most; a larger event goes on. */
export function createEventFilter(): EventFilter {
  let piece: Uint8Array = new Uint8Array();
  /** The part of the piece that goes on begins here; the event under way begins there. */
  let keepFrom = 0;
  let eventFrom = 0;
  let out: Uint8Array[] = [];
  let held: Uint8Array[] = [];
  let heldLength = 0;
  /** The beginning of the event under way has gone on, and so must its end. */
  let begun = false;
  /** A piece ended in the CR that ended an event: an LF at the start of the next shares that event's fate. */
  let openCr: "kept" | "dropped" | undefined;

  function unhold(goesOn: boolean): void {
    if (goesOn) out.push(...held);
    held = [];
    heldLength = 0;
  }

  function keep(end: number): void {
    if (end > keepFrom) out.push(piece.subarray(keepFrom, end));
    keepFrom = end;
  }

  function gathered(parts: readonly Uint8Array[]): Uint8Array | undefined {
    const [first] = parts;
    if (first === undefined) return undefined;
    if (first.buffer === piece.buffer && parts.length > 1) return closedUp(first, parts.slice(1));
    let length = 0;
    for (const part of parts) length += part.length;
    return joined(parts, length);
  }

  /** All are spans of the piece, which nobody reads any more: what follows moves up, and the rest need not be copied. */
  function closedUp(first: Uint8Array, rest: readonly Uint8Array[]): Uint8Array {
    const from = first.byteOffset - piece.byteOffset;
    let end = from + first.length;
    for (const part of rest) {
      piece.set(part, end);
      end += part.length;
    }
    return piece.subarray(from, end);
  }

  return {
    begin(next) {
      piece = next;
      out = [];
      keepFrom = eventFrom = 0;
      if (openCr === undefined || next.length === 0) return;
      if (next[0] === LF) {
        eventFrom = 1;
        if (openCr === "dropped") keepFrom = 1;
      }
      openCr = undefined;
    },

    eventEnds(end, drops) {
      const dropped = drops && !begun;
      if (end === piece.length && piece[end - 1] === CR) openCr = dropped ? "dropped" : "kept";
      unhold(!dropped);
      if (dropped) {
        keep(eventFrom);
        keepFrom = end;
      }
      eventFrom = end;
      begun = false;
    },

    passed(decided) {
      const rest = piece.length - eventFrom;
      if (rest > 0 && !begun && !decided && heldLength + rest <= maxHeld) {
        keep(eventFrom);
        held.push(copyOf(piece.subarray(eventFrom)));
        heldLength += rest;
      } else {
        begun ||= rest > 0;
        if (rest > 0) unhold(true);
        keep(piece.length);
      }
      return gathered(out);
    },

    held: () => gathered(held),
  };
}
