import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useSecretAwaited } from "../state/secret-shown.ts";
import { hasTypedForm } from "../state/typed-forms.ts";
import { t } from "../texts.ts";
import { say, Toasts } from "./toasts.tsx";

/**
 * Asks in the page; Escape and the button close it, and the focus goes back to where it was. Where something was typed,
 * Escape closes it the second time. While it is `held`, nothing closes it.
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
  const isWarned = useRef(false);
  useSecretAwaited(held);
  const warn = (event: Event) => {
    if (held || isWarned.current || !shown.current || !hasTypedForm(shown.current)) return;
    event.preventDefault();
    isWarned.current = true;
    say(t.dialog.typed);
  };
  const disarm = () => {
    isWarned.current = false;
  };
  useEffect(() => {
    const before = document.activeElement;
    shown.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={shown}
      onInput={disarm}
      onCancel={warn}
      onClose={() => (held ? shown.current?.showModal() : onClose())}
      aria-label={title}
    >
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
