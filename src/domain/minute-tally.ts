/** Counts by key within one minute; keys beyond a bound share one count, so that no caller fills the memory. */
export interface MinuteTally {
  /** @returns the key's count in this minute, and whether there was a count of its own left for it */
  count(key: string, now: number): { count: number; own: boolean };
  /** The counts of a minute that is over, once; what had no count of its own stands under `others`. */
  ended(now: number): ReadonlyMap<string, number> | undefined;
}

export const others = "";
const minuteMs = 60_000;

/** Counts by the minute (or by `spanMs`), for a bounded number of keys: whoever thinks of further ones shares one count with the like. */
export function createMinuteTally(maxKeys: number, spanMs = minuteMs): MinuteTally {
  let begun = Number.NEGATIVE_INFINITY;
  let counts = new Map<string, number>();

  const isOver = (now: number): boolean => now - begun >= spanMs || now < begun;

  return {
    count(key, now) {
      if (isOver(now)) {
        begun = now;
        counts = new Map();
      }
      const own = counts.has(key) || counts.size < maxKeys;
      const name = own ? key : others;
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      return { count, own };
    },
    ended(now) {
      if (counts.size === 0 || !isOver(now)) return undefined;
      const over = counts;
      counts = new Map();
      return over;
    },
  };
}
