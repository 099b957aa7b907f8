/**
 * Calls that arrive while a commit runs share the next one, so that many callers cost one fsync.
 * A commit that rejects rejects all of its callers, and only them.
 */
export function groupCommit<T>(commit: (items: T[]) => Promise<void>): (item: T) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  let open: { items: T[]; done: Promise<void> } | undefined;

  return (item) => {
    if (open) {
      open.items.push(item);
      return open.done;
    }
    const items = [item];
    const done = last.then(() => {
      open = undefined;
      return commit(items);
    });
    open = { items, done };
    last = done.catch(() => {});
    return done;
  };
}
