import { useLayoutEffect } from "preact/hooks";

let shown = 0;
let awaited = 0;
let waiting: (() => void) | undefined;

/** A page whose session has ended stays for as long as `isShown`: the secret on it is seen this once. */
export function useSecretShown(isShown = true): void {
  useLayoutEffect(() => {
    if (!isShown) return;
    shown += 1;
    return () => {
      shown -= 1;
      // A page that waited for an answer shows it now.
      setTimeout(settle);
    };
  }, [isShown]);
}

/** The browser asks before it reloads or closes the page. */
const stay = (event: Event): void => event.preventDefault();

/** A secret is on its way for as long as `isAwaited`, and the page that is to show it stays. */
export function useSecretAwaited(isAwaited: boolean): void {
  useSecretShown(isAwaited);
  useLayoutEffect(() => {
    if (!isAwaited) return;
    awaited += 1;
    addEventListener("beforeunload", stay);
    return () => {
      awaited -= 1;
      removeEventListener("beforeunload", stay);
    };
  }, [isAwaited]);
}

export const isSecretAwaited = (): boolean => awaited > 0;

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
