import { noUsage } from "../../domain/told-usage.ts";
import { OPEN_ARRAY, OPEN_OBJECT, SPACE } from "./bytes.ts";
import { createJsonMeter } from "./json-meter.ts";
import type { Meter, MeterOptions } from "./meter.ts";
import { createSseMeter } from "./sse-meter.ts";

/** The meter of an answer that does not say what it is. */
export function createSniffingMeter(options: MeterOptions): Meter {
  let meter: Meter | undefined;
  return {
    push(bytes) {
      if (!meter) {
        const first = bytes.find((byte) => byte > SPACE);
        if (first === undefined) return bytes;
        const isJson = first === OPEN_OBJECT || first === OPEN_ARRAY;
        meter = isJson ? createJsonMeter(options) : createSseMeter(options);
      }
      return meter.push(bytes);
    },
    end: () => meter?.end(),
    isComplete: () => meter?.isComplete() ?? false,
    isFinal: () => meter?.isFinal() ?? false,
    usage: () => meter?.usage() ?? noUsage,
    progress: () => (meter ? meter.progress() : notBegun),
  };
}

const notBegun = { told: noUsage, inputIsTold: false, outputBytes: undefined };
