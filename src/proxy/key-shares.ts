import { bodyCopies } from "../domain/body-memory.ts";

/** One request's part in what all keys share: a place, and memory for its body. */
export interface KeyShare {
  /** Whether there is room for so many bytes more of the body. They are held until `leave`. */
  hold(bytes: number): boolean;
  /** Whether there is room to read what is held, in `bodyCopies` of it. Ends with `sent` or `leave`. */
  read(): boolean;
  /** The bytes held from now on: those that go to the provider. */
  sent(bytes: number): void;
  /** Gives back everything. May be called again. */
  leave(): void;
}

interface Key {
  requests: number;
  bytes: number;
}

/** The requests and bytes under way, a key and in all. */
interface Book {
  keys: Map<string, Key>;
  maxBytes: number;
  held: number;
}

/**
 * How much of this process one key may take.
 *
 * A key may hold as much memory as it leaves free for others: one alone gets half of it, and whoever comes then still
 * finds room, however many bodies somebody has announced and does not send.
 */
export function createKeyShares({ maxRequests, maxBytes }: { maxRequests: number; maxBytes: number }) {
  const book: Book = { keys: new Map(), maxBytes, held: 0 };

  /** @returns `undefined` where the key has as many requests under way as it may */
  return (keyId: string): KeyShare | undefined => {
    let key = book.keys.get(keyId);
    if (key === undefined) {
      key = { requests: 0, bytes: 0 };
      book.keys.set(keyId, key);
    }
    if (key.requests >= maxRequests) return undefined;
    key.requests++;
    return new Share(book, keyId, key);
  };
}

class Share implements KeyShare {
  readonly #book: Book;
  readonly #keyId: string;
  readonly #key: Key;
  #own = 0;
  #copies = 0;
  #left = false;

  constructor(book: Book, keyId: string, key: Key) {
    this.#book = book;
    this.#keyId = keyId;
    this.#key = key;
  }

  hold(bytes: number): boolean {
    const free = this.#book.maxBytes - this.#book.held - bytes;
    if (free < 0 || this.#key.bytes + bytes > free) return false;
    this.#change(this.#own + bytes, this.#copies);
    return true;
  }

  read(): boolean {
    const needed = (bodyCopies - 1) * this.#own;
    if (this.#book.held + needed > this.#book.maxBytes) return false;
    this.#change(this.#own, needed);
    return true;
  }

  sent(bytes: number): void {
    this.#change(bytes, 0);
  }

  leave(): void {
    if (this.#left) return;
    this.#change(0, 0);
    this.#left = true;
    this.#key.requests--;
    if (this.#key.requests === 0) this.#book.keys.delete(this.#keyId);
  }

  #change(own: number, copies: number): void {
    if (this.#left) return;
    this.#book.held += own + copies - this.#own - this.#copies;
    this.#key.bytes += own - this.#own;
    this.#own = own;
    this.#copies = copies;
  }
}
