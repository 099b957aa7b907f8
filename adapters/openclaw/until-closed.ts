import type { ServerResponse } from "node:http";

/** Resolves when nothing more goes out: at once where the client has left already, for `close` comes only once. */
export const untilClosed = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    if (response.closed || response.destroyed) resolve();
    else response.once("close", resolve);
  });
