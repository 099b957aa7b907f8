import type { Progress } from "../../domain/interrupted-usage.ts";
import type { TokenUsage, UsageFormat } from "../../domain/usage.ts";
import type { HiddenCost } from "../hidden-output.ts";
import { OPEN_ARRAY, OPEN_OBJECT, SPACE } from "./bytes.ts";
import { createJsonMeter } from "./json-meter.ts";
import { createSseMeter } from "./sse-meter.ts";

export interface Meter {
  /** Reads one piece; @returns what of it (and of what was held back) goes on to the client. */
  push(bytes: Uint8Array): Uint8Array | undefined;
  /** The upstream has ended: what was held back. */
  end(): Uint8Array | undefined;
  /** The provider has said what it cost, and that it was done. */
  isComplete(): boolean;
  /** It is complete, and no later report can follow. */
  isFinal(): boolean;
  usage(): TokenUsage;
  /** Of an answer that is not complete; `undefined` where nothing of it is to be relied on. */
  progress(): Progress | undefined;
}

export interface MeterOptions {
  format: UsageFormat;
  /** Whether the usage chunk that we asked for (OpenAI's chat) is kept from the client. */
  dropInjected: boolean;
  /** How many answers the request asks for. */
  answers: number;
  /** Whether the answer is text, and so costs output. */
  writesText: boolean;
  hidden: HiddenCost;
}

/** For an answer that does not say what it is. */
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
    usage: () => meter?.usage() ?? nothing,
    progress: () => meter?.progress(),
  };
}

const nothing: TokenUsage = { input: 0, output: 0, total: 0 };
