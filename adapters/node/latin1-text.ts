/** Beyond it a call of the runtime costs less than the loop. */
const shortText = 24;

/**
 * Text that is put together a byte a character, in memory that is used again: a head of some twenty pieces leaves no
 * garbage but its bytes. Whoever begins one ends it before anybody else can.
 */
export class Latin1Text {
  #bytes = Buffer.allocUnsafeSlow(4_096);
  #length = 0;

  begin(): void {
    this.#length = 0;
  }

  add(text: string): void {
    const from = this.#length;
    const end = from + text.length;
    if (end > this.#bytes.length) this.#grow(end);
    const bytes = this.#bytes;
    if (text.length > shortText) bytes.write(text, from, "latin1");
    else for (let at = 0; at < text.length; at++) bytes[from + at] = text.charCodeAt(at);
    this.#length = end;
  }

  /** A header's line. */
  addField(name: string, value: string): void {
    this.add(name);
    this.add(": ");
    this.add(value);
    this.add("\r\n");
  }

  /** @returns the text, what follows it and the end, in memory of their own */
  joined(body: Uint8Array | undefined, end = ""): Buffer {
    const length = this.#length;
    const after = length + (body?.length ?? 0);
    const whole = Buffer.allocUnsafe(after + end.length);
    this.#bytes.copy(whole, 0, 0, length);
    if (body !== undefined) whole.set(body, length);
    for (let at = 0; at < end.length; at++) whole[after + at] = end.charCodeAt(at);
    return whole;
  }

  #grow(least: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(least, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
