/** Each step of reading or writing a larger body takes milliseconds, in which nobody else is served. */
const largeBytes = 1_048_576;

export const isLargeBody = (length: number): boolean => length > largeBytes;

export const othersTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
