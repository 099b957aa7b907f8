import type { MetricValues } from "../../../src/metrics.ts";
import type { ActivitySample } from "../../../src/ports.ts";
import type { Settings } from "../../../src/settings.ts";
import type { NodeSettings } from "../node-settings.ts";

/** Goes from one worker process to all others, through the primary process. */
export type ForAll =
  | { kind: "activity"; sample: ActivitySample }
  /** Somebody looks at the activity: samples are to come often. */
  | { kind: "watched" };

/** The primary process's first message to a worker process. */
export interface Start {
  kind: "start";
  /** As the primary process has them: those in the files may be newer, and not taken over yet. */
  node: NodeSettings;
  /** Whether nothing is to be waited for that was interrupted before the start. */
  isSettled: boolean;
}

export type ToWorker =
  | ForAll
  | Start
  | { kind: "settled" }
  | { kind: "settings"; settings: Settings }
  | { kind: "tellMetrics"; ask: number }
  /** The answer to `askMetrics`. */
  | { kind: "allMetrics"; ask: number; values: MetricValues }
  | { kind: "drain" };

export type ToPrimary =
  | ForAll
  | { kind: "listening"; port: number }
  /** Why it cannot start: `isTold`, in words for the operator, or as the stack of a fault of ours. */
  | { kind: "failed"; message: string; isTold: boolean }
  | { kind: "metrics"; ask: number; values: MetricValues }
  | { kind: "askMetrics"; ask: number };

/** Whether the primary process hands it on to every other worker process. */
export const isForAll = (message: ToWorker | ToPrimary): message is ForAll =>
  message.kind === "activity" || message.kind === "watched";
