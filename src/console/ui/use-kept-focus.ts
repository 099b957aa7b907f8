import { useEffect } from "preact/hooks";

/** The elements around one, from the inside to the outside. */
function around(element: Element): HTMLElement[] {
  const found: HTMLElement[] = [];
  for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) found.push(at);
  return found;
}

function take(element: HTMLElement): void {
  if (!element.hasAttribute("tabindex")) {
    element.tabIndex = -1;
    element.addEventListener("blur", () => element.removeAttribute("tabindex"), { once: true });
  }
  element.focus({ preventScroll: true });
}

/** A focused element that goes away leaves the focus to what was around it: the next Tab goes on from there. */
export function useKeptFocus(): void {
  useEffect(() => {
    let last: { element: Element; outer: HTMLElement[] } | undefined;
    const onFocus = ({ target }: FocusEvent) => {
      last = target instanceof HTMLElement ? { element: target, outer: around(target) } : undefined;
    };
    // A click beside everything asks for no focus.
    const onPress = () => {
      last = undefined;
    };
    const observer = new MutationObserver(() => {
      if (!last || last.element.isConnected || document.activeElement !== document.body) return;
      const nearest = last.outer.find((one) => one.isConnected);
      if (nearest) take(nearest);
    });
    observer.observe(document.body, { childList: true, subtree: true });
    addEventListener("focusin", onFocus);
    addEventListener("pointerdown", onPress);
    return () => {
      observer.disconnect();
      removeEventListener("focusin", onFocus);
      removeEventListener("pointerdown", onPress);
    };
  }, []);
}
