interface Asked {
  counter: string;
  period: string;
  /** `null` counts without a limit. */
  limit: number | null;
  amount: number;
}

interface State {
  used: number;
  reserved: number;
}

/**
 * Decides whether a reservation fits: the first entry, in the order asked, that does not. Entries of one counter and
 * period add up, and each is held to its own limit.
 */
export function firstExceeded<Entry extends Asked>(
  entries: readonly Entry[],
  stateOf: (counter: Entry["counter"], period: string) => State,
): (Entry & State & { limit: number }) | undefined {
  for (let at = 0; at < entries.length; at++) {
    const entry = entries[at]!;
    const { counter, period, limit } = entry;
    if (limit === null) continue;
    let sum = 0;
    for (let before = 0; before <= at; before++) {
      const other = entries[before]!;
      if (other.counter === counter && other.period === period) sum += other.amount;
    }
    const { used, reserved } = stateOf(counter, period);
    if (used + reserved + sum > limit) return { ...entry, limit, used, reserved };
  }
  return undefined;
}
