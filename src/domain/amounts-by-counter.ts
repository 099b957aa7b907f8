/** The amount that a reservation holds of each counter: the same in each of its periods. */
export function amountsByCounter<Counter extends string>(
  entries: readonly (readonly [counter: Counter, period: string, amount: number, ...rest: unknown[]])[],
): { counter: Counter; amount: number; periods: string[] }[] {
  const amounts = new Map<Counter, { counter: Counter; amount: number; periods: string[] }>();
  for (const [counter, period, amount] of entries) {
    const periods = amounts.get(counter)?.periods ?? [];
    amounts.set(counter, { counter, amount, periods: [...periods, period] });
  }
  return [...amounts.values()];
}
