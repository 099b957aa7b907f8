import type { ActivityLog, ActivitySample } from "../../../src/ports.ts";
import { createActivityLog } from "../../../src/service/events/activity.ts";
import type { ForAll } from "./messages.ts";

/** So often the others are told that somebody looks, who believe it for `watchedMs`. */
const tellMs = 4_000;
const watchedMs = 10_000;

/** The activity of all worker processes, passed on by the primary one. */
export interface SharedActivity extends ActivityLog {
  /** Takes what another worker process has sent. */
  take(message: ForAll): void;
}

/** The activity log of one worker process, which hears of all others' activity and tells them of its own. */
export function createSharedActivity(now: () => number, send: (message: ForAll) => void): SharedActivity {
  const log = createActivityLog(now);
  let watchedUntil = Number.NEGATIVE_INFINITY;
  let toldAt = Number.NEGATIVE_INFINITY;
  return {
    async publish(sample: ActivitySample) {
      send({ kind: "activity", sample });
      return (await log.publish(sample)) || now() < watchedUntil;
    },
    async since(cursor) {
      if (now() - toldAt >= tellMs) {
        toldAt = now();
        send({ kind: "watched" });
      }
      return await log.since(cursor);
    },
    take(message) {
      if (message.kind === "watched") watchedUntil = now() + watchedMs;
      else void log.publish(message.sample);
    },
  };
}
