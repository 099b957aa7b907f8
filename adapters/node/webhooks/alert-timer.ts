import { createAlertSender } from "../../../src/service/alerts/send-alerts.ts";
import type { Context } from "../../../src/service/context.ts";

/** The upper bound of the time until other processes' messages in the outbox are found. */
const lookMs = 1_000;
/** After a failure of the outbox itself. */
const mostWaitMs = 30_000;

/** Delivers alerts when they become due. */
export interface AlertTimer {
  /** Ends attempts under way; others make them. */
  stop(): Promise<void>;
}

/** Sends alerts for as long as this process runs. */
export function startAlerts(context: Context): AlertTimer {
  const sender = createAlertSender(context);
  const stopped = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let failures = 0;

  async function turn(): Promise<void> {
    try {
      await sender.run(stopped.signal);
      failures = 0;
    } catch (cause) {
      if (failures++ === 0) context.log("error", "alerts cannot be sent; it is tried again", { cause });
    }
    if (stopped.signal.aborted) return;
    timer = setTimeout(next, Math.min(lookMs * 2 ** failures, mostWaitMs));
    timer.unref();
  }

  let last: Promise<void> = Promise.resolve();
  const next = (): void => {
    last = turn();
  };
  next();
  return {
    async stop() {
      stopped.abort();
      clearTimeout(timer);
      await last;
    },
  };
}
