/** How long an answer is waited for. */
export interface Patience {
  /** Aborts once all patience is spent. */
  readonly signal: AbortSignal;
  /** A sign of life: silence is counted anew. */
  renew(): void;
  /** Stops the clocks. */
  end(): void;
}

/** Ends after `silenceMs` without a sign of life, and after `mostMs` in any case. */
export function startPatience({ silenceMs, mostMs }: { silenceMs: number; mostMs: number }): Patience {
  const spent = new AbortController();
  const giveUp = () => spent.abort(new DOMException("The gateway did not answer in time.", "TimeoutError"));
  const most = setTimeout(giveUp, mostMs);
  let silence = setTimeout(giveUp, silenceMs);
  return {
    signal: spent.signal,
    renew() {
      clearTimeout(silence);
      silence = setTimeout(giveUp, silenceMs);
    },
    end() {
      clearTimeout(most);
      clearTimeout(silence);
    },
  };
}
