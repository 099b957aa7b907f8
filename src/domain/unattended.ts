/** Of a call that a page makes by itself: it starts no session's idle hour anew. */
export const unattendedHeader = "x-console-unattended";
