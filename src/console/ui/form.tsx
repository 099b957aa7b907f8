import type { ComponentChildren } from "preact";
import { ProblemNote } from "./problem.tsx";
import type { Change } from "./use-change.ts";

/** The fields of one change, the API's words where it is refused, and the button that makes it. */
export function ChangeForm({
  change,
  onSubmit,
  submit,
  danger = false,
  blocked = false,
  beside,
  className,
  children,
}: {
  change: Pick<Change<unknown>, "busy" | "error">;
  onSubmit: () => void;
  /** The words on the button. */
  submit: string;
  /** The change takes something away for good. */
  danger?: boolean;
  /** Something has to be filled in first. */
  blocked?: boolean;
  /** A further button. */
  beside?: ComponentChildren;
  className?: string;
  children: ComponentChildren;
}) {
  const send = (event: Event) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <form class={className} onSubmit={send}>
      {children}
      <ProblemNote error={change.error} />
      <div class="actions">
        <button
          type="submit"
          class={danger ? "primary danger" : "primary"}
          disabled={blocked}
          aria-disabled={change.busy}
        >
          {submit}
        </button>
        {beside}
      </div>
    </form>
  );
}
