import type { ComponentChildren } from "preact";
import { refine } from "../state/router.ts";
import { t } from "../texts.ts";

/** Below a list: back to its first page, and on to the next. */
export function Pager({
  cursor,
  nextCursor,
  go = (to) => refine({ cursor: to }),
  children,
}: {
  cursor: string | undefined;
  nextCursor: string | undefined;
  /** Absent: the page follows from the address. */
  go?: (cursor: string | undefined) => void;
  children?: ComponentChildren;
}) {
  return (
    <div class="pager">
      {cursor !== undefined && (
        <button type="button" onClick={() => go(undefined)}>
          {t.table.first}
        </button>
      )}
      {nextCursor && (
        <button type="button" onClick={() => go(nextCursor)}>
          {t.table.more}
        </button>
      )}
      {children}
    </div>
  );
}
