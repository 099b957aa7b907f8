const decoder = new TextDecoder();

/** Takes down one span of a stream that arrives in pieces; a span over the limit is counted but not kept. */
export interface ByteCapture {
  isActive(): boolean;
  /** The span begins at this index of the present piece. */
  begin(at: number, limit: number): void;
  /** The span goes on at this index of a new piece. */
  goOn(at: number): void;
  /** The present piece ends at this index, and the span does not. */
  hold(bytes: Uint8Array, end: number): void;
  /** The span ends before this index. @returns its text, `undefined` if it was over the limit */
  end(bytes: Uint8Array, end: number): string | undefined;
  drop(): void;
}

export function createByteCapture(): ByteCapture {
  let active = false;
  let from = 0;
  let limit = 0;
  let held: Uint8Array[] = [];
  let heldLength = 0;

  function drop(): void {
    active = false;
    if (heldLength > 0) {
      held = [];
      heldLength = 0;
    }
  }

  function hold(bytes: Uint8Array, end: number): void {
    if (heldLength <= limit && end > from) held.push(copyOf(bytes.subarray(from, end)));
    heldLength += end - from;
  }

  return {
    isActive: () => active,
    begin(at, most) {
      active = true;
      from = at;
      limit = most;
    },
    goOn(at) {
      from = at;
    },
    hold,
    end(bytes, end) {
      let text: string | undefined;
      if (heldLength === 0) {
        if (end - from <= limit) text = textOf(bytes, from, end);
      } else {
        hold(bytes, end);
        if (heldLength <= limit) text = decoder.decode(joined(held, heldLength));
      }
      drop();
      return text;
    },
    drop,
  };
}

/**
 * Copies bytes that outlive their piece: the piece may be a view of a buffer that its owner uses again. (`slice` would
 * not do: Node's Buffer overrides it with a view.)
 */
export const copyOf = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

export function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** For a few ASCII bytes several times faster than a decoder's call. */
function textOf(bytes: Uint8Array, from: number, end: number): string {
  if (end - from > 32) return decoder.decode(bytes.subarray(from, end));
  let text = "";
  for (let at = from; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}
