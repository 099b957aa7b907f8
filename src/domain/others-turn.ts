/** Resolves once the requests that wait have had the event loop, which work on files or in memory never gives up by itself. */
export const othersTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
