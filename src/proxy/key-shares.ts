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

/**
 * How much of this process one key may take.
 *
 * A key may hold as much memory as it leaves free for others: one alone gets half of it, and whoever comes then still
 * finds room, however many bodies somebody has announced and does not send.
 */
export function createKeyShares({ maxRequests, maxBytes }: { maxRequests: number; maxBytes: number }) {
  const keys = new Map<string, Key>();
  let held = 0;

  /** @returns `undefined` where the key has as many requests under way as it may */
  return (keyId: string): KeyShare | undefined => {
    const key = keys.get(keyId) ?? { requests: 0, bytes: 0 };
    if (key.requests >= maxRequests) return undefined;
    key.requests++;
    keys.set(keyId, key);
    let own = 0;
    let copies = 0;
    let left = false;

    const change = (nextOwn: number, nextCopies: number): void => {
      if (left) return;
      held += nextOwn + nextCopies - own - copies;
      key.bytes += nextOwn - own;
      own = nextOwn;
      copies = nextCopies;
    };

    return {
      hold(bytes) {
        const free = maxBytes - held - bytes;
        if (free < 0 || key.bytes + bytes > free) return false;
        change(own + bytes, copies);
        return true;
      },
      read() {
        const needed = (bodyCopies - 1) * own;
        if (held + needed > maxBytes) return false;
        change(own, needed);
        return true;
      },
      sent: (bytes) => change(bytes, 0),
      leave() {
        if (left) return;
        change(0, 0);
        left = true;
        key.requests--;
        if (key.requests === 0) keys.delete(keyId);
      },
    };
  };
}
