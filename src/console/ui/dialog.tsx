import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useSecretAwaited } from "../state/secret-shown.ts";
import { t } from "../texts.ts";
import { Toasts } from "./toasts.tsx";

/**
 * Asks in the page; Escape and the button close it, and the focus goes back to where it was. While it is `held`, nothing
 * closes it.
 */
export function Dialog({
  title,
  held = false,
  onClose,
  children,
}: {
  title: string;
  /** A secret that is shown once is on its way. */
  held?: boolean;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const shown = useRef<HTMLDialogElement>(null);
  useSecretAwaited(held);
  useEffect(() => {
    const before = document.activeElement;
    shown.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={shown} onClose={() => (held ? shown.current?.showModal() : onClose())} aria-label={title}>
      <div class="stack">
        <div class="head">
          <h2 class="grow">{title}</h2>
          <button type="button" class="plain" disabled={held} onClick={() => shown.current?.close()}>
            {t.dialog.close}
          </button>
        </div>
        {children}
      </div>
      <Toasts />
    </dialog>
  );
}
