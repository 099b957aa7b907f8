import type { ComponentChildren } from "preact";
import { Dialog } from "./dialog.tsx";
import { ChangeForm } from "./form.tsx";
import { useChange } from "./use-change.ts";

/** Asks before a change that takes something away for good. */
export function Confirm({
  title,
  submit,
  work,
  onDone,
  onClose,
  children,
}: {
  title: string;
  /** The words on the button. */
  submit: string;
  work: () => Promise<unknown>;
  /** Called once it is done, before the dialog closes. */
  onDone: () => void;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const change = useChange();
  const run = async () => {
    if (!(await change.run(work))) return;
    onDone();
    onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <ChangeForm change={change} onSubmit={run} submit={submit} danger>
        {children}
      </ChangeForm>
    </Dialog>
  );
}
