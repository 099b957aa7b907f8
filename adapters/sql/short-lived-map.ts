/**
 * A map whose entries come and go with each request. V8 keeps the tables that a Map has outgrown, linked one to the next,
 * until its next full collection, with all that was ever in them: here an entry that was removed holds nothing any more.
 */
export class ShortLivedMap<K, V extends object> {
  readonly #boxes = new Map<K, { value: V | undefined }>();

  get size(): number {
    return this.#boxes.size;
  }

  has(key: K): boolean {
    return this.#boxes.has(key);
  }

  get(key: K): V | undefined {
    return this.#boxes.get(key)?.value;
  }

  set(key: K, value: V): void {
    const box = this.#boxes.get(key);
    if (box === undefined) this.#boxes.set(key, { value });
    else box.value = value;
  }

  /** @returns what was there */
  take(key: K): V | undefined {
    const box = this.#boxes.get(key);
    if (box === undefined) return undefined;
    const { value } = box;
    box.value = undefined;
    this.#boxes.delete(key);
    return value;
  }

  /** Empties it. @returns what was there */
  takeAll(): [K, V][] {
    const all = [...this.#boxes].map(([key, box]): [K, V] => [key, box.value!]);
    for (const [key] of all) this.take(key);
    return all;
  }
}
