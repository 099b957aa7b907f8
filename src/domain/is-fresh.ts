/**
 * Whether less than `ageMs` milliseconds lie between the two. The clock may have been set back since: without a look at
 * both sides, what is from before would be fresh for as long.
 */
export const isFresh = (at: number, now: number, ageMs: number): boolean => Math.abs(now - at) < ageMs;
