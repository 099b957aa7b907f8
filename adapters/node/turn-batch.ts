/**
 * Takes items one by one, and has a step done for all of them together later. Under load the step's code is in the
 * processor's caches by then for all but the first, where a whole request after another would bring it in anew each time.
 *
 * @param run may not throw
 * @param later when: `setImmediate` has all of this turn of the event loop together, `process.nextTick` all of what runs
 *   now
 */
export function createBatch<T>(run: (item: T) => void, later: (callback: () => void) => void): (item: T) => void {
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
