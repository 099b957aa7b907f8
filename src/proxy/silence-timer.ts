/** Each `start` begins the wait anew. */
export interface SilenceTimer {
  start(): void;
  stop(): void;
}

export class SilenceError extends Error {}

/** Aborts when what is waited for has not come for so long. */
export function silenceTimer(controller: AbortController, ms: number): SilenceTimer {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = () => clearTimeout(timer);
  return {
    start() {
      stop();
      timer = setTimeout(() => controller.abort(new SilenceError()), ms);
    },
    stop,
  };
}
