import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

/** Covers the page and all that is open on it, until it is taken away. */
export function Over({ label, children }: { label: string; children: ComponentChildren }) {
  const shown = useRef<HTMLDialogElement>(null);
  const open = () => shown.current?.showModal();
  useLayoutEffect(() => {
    const before = document.activeElement;
    open();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={shown} class="over" aria-label={label} onClose={open}>
      {children}
    </dialog>
  );
}
