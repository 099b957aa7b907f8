/** The amount that a reservation holds of each counter: the same in each of its periods. */
export function amountsByCounter<Counter extends string>(
  entries: readonly (readonly [counter: Counter, period: string, amount: number, ...rest: unknown[]])[],
): { counter: Counter; amount: number }[] {
  const amounts = new Map(entries.map(([counter, , amount]) => [counter, amount]));
  return Array.from(amounts, ([counter, amount]) => ({ counter, amount }));
}
