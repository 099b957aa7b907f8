import { type RetryOptions, retry } from "../domain/retry.ts";
import { isProblem } from "../errors.ts";

/** Within the half minute that a Worker may go on after its answer. */
const delays = [250, 500, 1_000, 2_000, 4_000, 8_000, 12_000];

const whileUnwritable: RetryOptions = {
  isRetryable: (error) => isProblem(error, "store_unwritable"),
  delays,
};

/** A store that was full or away comes back: `work`, of which doing it twice changes nothing, is tried again. */
export const retryUnwritable = <T>(work: () => Promise<T>): Promise<T> => retry(work, whileUnwritable);
