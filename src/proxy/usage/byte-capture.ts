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
  /** Its length in bytes, where the span ends before this index. */
  length(end: number): number;
  /** The span ends before this index. @returns its text, `undefined` if it was over the limit */
  end(bytes: Uint8Array, end: number): string | undefined;
  drop(): void;
}

const nothing: Uint8Array[] = [];

/** Takes nothing down until `begin`. */
export const createByteCapture = (): ByteCapture => new Capture();

class Capture implements ByteCapture {
  #active = false;
  #from = 0;
  #limit = 0;
  #held = nothing;
  #heldLength = 0;

  isActive(): boolean {
    return this.#active;
  }

  begin(at: number, limit: number): void {
    this.#active = true;
    this.#from = at;
    this.#limit = limit;
  }

  goOn(at: number): void {
    this.#from = at;
  }

  hold(bytes: Uint8Array, end: number): void {
    if (this.#heldLength <= this.#limit && end > this.#from) {
      if (this.#held === nothing) this.#held = [];
      this.#held.push(copyOf(bytes.subarray(this.#from, end)));
    }
    this.#heldLength += end - this.#from;
  }

  length(end: number): number {
    return this.#heldLength + end - this.#from;
  }

  end(bytes: Uint8Array, end: number): string | undefined {
    let text: string | undefined;
    if (this.#heldLength === 0) {
      if (end - this.#from <= this.#limit) text = textOf(bytes, this.#from, end);
    } else {
      this.hold(bytes, end);
      if (this.#heldLength <= this.#limit) text = decoder.decode(joined(this.#held, this.#heldLength));
    }
    this.drop();
    return text;
  }

  drop(): void {
    this.#active = false;
    this.#held = nothing;
    this.#heldLength = 0;
  }
}

/**
 * Copies bytes that outlive their piece: the piece may be a view of a buffer that its owner uses again. (`slice` would
 * not do: Node's Buffer overrides it with a view.)
 */
export const copyOf = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

/**
 * One part is handed on as it is, and not copied.
 * @param length the sum of theirs, in bytes
 */
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

/** Several times faster than a decoder's call for a few ASCII bytes. */
function textOf(bytes: Uint8Array, from: number, end: number): string {
  if (end - from > 32) return decoder.decode(bytes.subarray(from, end));
  let text = "";
  for (let at = from; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}
