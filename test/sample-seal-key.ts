/** A seal key as settings carry it, another one for each byte. */
export const sampleSealKey = (byte: number): string => Buffer.alloc(32, byte).toString("base64url");
