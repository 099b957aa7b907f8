/**
 * Collects items and does one step for all of them later. Under load that step's code is in the processor's caches for
 * all but the first item; one whole request after another would bring each step's code in anew.
 *
 * @param run may not throw
 * @param later `setImmediate` for all items of this turn of the event loop, `process.nextTick` for all of what runs now
 */
export function createTurnBatch<T>(run: (item: T) => void, later: (callback: () => void) => void): (item: T) => void {
  let items: T[] = [];
  const runAll = () => {
    const batch = items;
    items = [];
    for (const item of batch) run(item);
  };
  return (item) => {
    if (items.push(item) === 1) later(runAll);
  };
}
