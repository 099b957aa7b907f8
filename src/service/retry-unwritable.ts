import { type RetryOptions, retryAfter } from "../domain/retry.ts";
import { isProblem } from "../errors.ts";

const whileUnwritable: RetryOptions = {
  isRetryable: (error) => isProblem(error, "store_unwritable"),
  /** A Worker may go on for half a minute after its answer. */
  delays: [250, 500, 1_000, 2_000, 4_000, 8_000, 12_000],
};

/**
 * A store that was full or away comes back: `work`, of which doing it twice changes nothing, is tried again.
 * @param ending once it is aborted nothing is waited for any more: `work` is tried at once, for the last time
 */
export async function retryUnwritable<T>(work: () => Promise<T>, ending?: AbortSignal): Promise<T> {
  try {
    return await work();
  } catch (failure) {
    return await retryUnwritableAfter(failure, work, ending);
  }
}

/** The same for work that has failed once. */
export async function retryUnwritableAfter<T>(
  failure: unknown,
  work: () => Promise<T>,
  ending?: AbortSignal,
): Promise<T> {
  try {
    return await retryAfter(failure, work, { ...whileUnwritable, signal: ending });
  } catch (error) {
    if (!ending?.aborted || error !== ending.reason) throw error;
    return await work();
  }
}
