/**
 * Whether an address is spelled so that every reader finds the same host in it, and nothing but that, a port and a
 * path: `new URL` takes backslashes for slashes, passes over tabs and line feeds, and adds slashes where there are none,
 * by all of which credentials are hidden from a check of the text.
 */
export const isPlainAddress = (text: string): boolean =>
  /^https?:\/\/(\[[0-9a-f:.]+\]|[\p{L}\p{N}._-]+)(:\d{1,5})?(\/[^\s\\?#\p{C}]*)?$/iu.test(text) && URL.canParse(text);

/** An address for a message, without what stands before an `@`, however it is spelled. */
export const withoutPassword = (address: string): string =>
  address
    .replace(/\/\/[^/]*@/g, "//...@")
    .replace(/[^\s"]+/g, (run) => run.replace(/^.*(?<!\.\.\.)(@|%40|\uff20)/i, "...@"));
