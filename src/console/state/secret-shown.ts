import { useLayoutEffect } from "preact/hooks";

let shown = 0;
let waiting: (() => void) | undefined;

/** For as long as `isShown`, a page whose session has ended stays: the secret on it is seen this once. */
export function useSecretShown(isShown = true): void {
  useLayoutEffect(() => {
    if (!isShown) return;
    shown += 1;
    return () => {
      shown -= 1;
      // What waited for an answer shows it now.
      setTimeout(settle);
    };
  }, [isShown]);
}

/** At once, unless a secret is shown; `undefined` takes back what waits. */
export function afterSecret(leave: (() => void) | undefined): void {
  waiting = leave;
  settle();
}

function settle(): void {
  if (shown > 0) return;
  const leave = waiting;
  waiting = undefined;
  leave?.();
}
