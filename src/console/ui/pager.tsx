import type { ComponentChildren } from "preact";
import { refine } from "../state/router.ts";
import { t } from "../texts.ts";

/** Below a list whose page follows from the address: back to its first page, and on to the next. */
export function Pager({
  cursor,
  nextCursor,
  children,
}: {
  cursor: string | undefined;
  nextCursor: string | undefined;
  children?: ComponentChildren;
}) {
  return (
    <div class="pager">
      {cursor !== undefined && (
        <button type="button" onClick={() => refine({ cursor: undefined })}>
          {t.table.first}
        </button>
      )}
      {nextCursor && (
        <button type="button" onClick={() => refine({ cursor: nextCursor })}>
          {t.table.more}
        </button>
      )}
      {children}
    </div>
  );
}
