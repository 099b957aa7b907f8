/** When work is done again, and after which waits. */
export interface RetryOptions {
  /** Whether doing it again is safe after this failure, and promises something. */
  isRetryable(error: unknown): boolean;
  /** Milliseconds before each further attempt; where there is no more, the failure is thrown. */
  delays: readonly number[] | ((error: unknown, attempt: number) => number | undefined);
  signal?: AbortSignal | undefined;
}

/**
 * Does `work` again until it succeeds.
 * @throws the last failure, or the signal's reason
 */
export async function retry<T>(work: () => T | Promise<T>, options: RetryOptions): Promise<T> {
  try {
    return await work();
  } catch (error) {
    return await retryAfter(error, work, options);
  }
}

/** The same for work that has failed once. */
export async function retryAfter<T>(
  failure: unknown,
  work: () => T | Promise<T>,
  { isRetryable, delays, signal }: RetryOptions,
): Promise<T> {
  let error = failure;
  for (let attempt = 0; ; attempt++) {
    if (!isRetryable(error)) throw error;
    const delayMs = typeof delays === "function" ? delays(error, attempt) : delays[attempt];
    if (delayMs === undefined) throw error;
    await wait(delayMs, signal);
    try {
      return await work();
    } catch (again) {
      error = again;
    }
  }
}

/** @throws the signal's reason */
export function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}
