/**
 * Bytes that come in pieces. A list of the pieces would take hundreds of bytes for each, and whoever sends them may send
 * a byte in each.
 */
export class GrowingBytes {
  #bytes = new Uint8Array();
  #length = 0;

  add(piece: Uint8Array): void {
    const at = this.#length;
    this.#length += piece.length;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(at === 0 ? this.#length : 2 * this.#length);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(piece, at);
  }

  get length(): number {
    return this.#length;
  }

  /** All that has come. */
  whole(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
