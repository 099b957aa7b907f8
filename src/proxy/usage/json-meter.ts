import {
  addedUsage,
  addReport,
  noCounts,
  noUsage,
  tellsUsage,
  tokenUsage,
  type UsageCounts,
} from "../../domain/usage.ts";
import { createJsonScan, type Watch } from "./json-scan.ts";
import type { Meter, MeterOptions } from "./meter.ts";
import { parsedReport, usageKey } from "./usage-report.ts";

/**
 * The answer is one JSON document, or a list of them: Gemini's chunks without `alt=sse`, whose counts go on rising, or
 * (LiteLLM, several models) answers that each have a cost of their own.
 */
export function createJsonMeter({ format, writesText }: Pick<MeterOptions, "format" | "writesText">): Meter {
  const addsUp = format !== "gemini";
  const answers: UsageCounts[] = [];
  let current: UsageCounts | undefined;
  const watch: Watch = { [usageKey[format]]: "value" };
  const scan = createJsonScan(
    watch,
    (_, text) => {
      current ??= noCounts();
      addReport(format, current, parsedReport(text));
    },
    false,
    () => {
      if (!addsUp && answers.length > 0) return;
      current ??= noCounts();
      answers.push(current);
      if (addsUp) current = undefined;
    },
  );
  return {
    push(bytes) {
      scan.scan(bytes, 0, bytes.length);
      return bytes;
    },
    end: () => undefined,
    isComplete: () =>
      scan.isClosed() &&
      scan.objects() !== undefined &&
      answers.every((answer) => tellsUsage(format, answer, writesText)),
    // A text that looks whole may have been no JSON at all, and its end costs no client anything.
    isFinal: () => false,
    usage() {
      if (current === undefined && answers.length === 0) return noUsage;
      const all = current === undefined ? answers : addsUp ? [...answers, current] : [current];
      return all.map((answer) => tokenUsage(format, answer)).reduce(addedUsage);
    },
    progress: () => undefined,
  };
}
