/** A header of calls that a page makes by itself: they start no session's idle hour anew. */
export const unattendedHeader = "x-console-unattended";
