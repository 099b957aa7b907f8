import type { Context } from "../context.ts";

/** A Worker's invocation may ask its stores a thousand times, and each record that is read by itself takes a few of them. */
const most = 100;

/** How many records a page has where each is read by itself: the others come with the next page. */
export const pageLimit = ({ mostBulkChanges }: Pick<Context, "mostBulkChanges">, limit: number): number =>
  mostBulkChanges === undefined ? limit : Math.min(limit, most);
