import { wait } from "../domain/retry.ts";

/**
 * Goes between the pages of a look at everything: on files nothing of it is waited for, and requests that are metered
 * meanwhile would stand until its end.
 */
export const othersTurn = (): Promise<void> => wait(0);
