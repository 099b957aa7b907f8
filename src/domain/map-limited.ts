/** The results in the order of the items, so many at a time. `work` does not reject, or the whole does at once. */
export async function mapLimited<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  async function go(): Promise<void> {
    while (next < items.length) {
      const at = next++;
      results[at] = await work(items[at]!);
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, go));
  return results;
}
