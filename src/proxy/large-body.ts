/** Each step of reading or writing a larger body takes milliseconds, in which nobody else is served. */
const largeBytes = 1_048_576;

/** @param length in bytes; above one mebibyte a body is large */
export const isLargeBody = (length: number): boolean => length > largeBytes;
