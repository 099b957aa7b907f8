/** Work that no request waits for. */
export interface BackgroundWork {
  /** The work reports its own failures. */
  add(work: Promise<unknown>): void;
  /** Resolves once none is under way, that included which came meanwhile. */
  ended(): Promise<void>;
}

/** Counts the work only: a Set that it would come to and leave keeps all of it until V8's next full collection. */
export function createBackgroundWork(): BackgroundWork {
  let underWay = 0;
  let waiting: (() => void)[] = [];
  const ends = () => {
    underWay--;
    if (underWay > 0) return;
    for (const resolve of waiting) resolve();
    waiting = [];
  };
  return {
    add(work) {
      underWay++;
      work.then(ends, ends);
    },
    async ended() {
      while (underWay > 0) await new Promise<void>((resolve) => waiting.push(resolve));
    },
  };
}
