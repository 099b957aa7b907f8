import { type RetryOptions, retry, retryAfter } from "../domain/retry.ts";
import { isProblem } from "../errors.ts";

const whileUnwritable: RetryOptions = {
  isRetryable: (error) => isProblem(error, "store_unwritable"),
  /** A Worker may go on for half a minute after its answer. */
  delays: [250, 500, 1_000, 2_000, 4_000, 8_000, 12_000],
};

/** A store that was full or away comes back: `work`, of which doing it twice changes nothing, is tried again. */
export const retryUnwritable = <T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> =>
  retry(work, { ...whileUnwritable, signal });

/** The same for work that has failed once. */
export const retryUnwritableAfter = <T>(failure: unknown, work: () => Promise<T>, signal?: AbortSignal): Promise<T> =>
  retryAfter(failure, work, { ...whileUnwritable, signal });
