import {
  addReport,
  type TokenUsage,
  tellsUsage,
  tokenUsage,
  type UsageCounts,
  type UsageFormat,
} from "../../domain/usage.ts";
import { OPEN_ARRAY, OPEN_OBJECT, SPACE } from "./bytes.ts";
import { createEventFilter } from "./event-filter.ts";
import { createJsonScan, type Watch } from "./json-scan.ts";
import { createSseScan } from "./sse-scan.ts";

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
}

const usageKey: Record<UsageFormat, string> = {
  anthropic: "usage",
  openai: "usage",
  "openai-responses": "usage",
  gemini: "usageMetadata",
};

const eventWatch: Record<UsageFormat, Watch> = {
  anthropic: { type: "value", usage: "value", message: { usage: "value" } },
  openai: { usage: "value", choices: "filled" },
  "openai-responses": { type: "value", response: { usage: "value" } },
  gemini: {
    usageMetadata: "value",
    candidates: { finishReason: "value" },
    promptFeedback: { blockReason: "value" },
  },
};

const lastEvents: Partial<Record<UsageFormat, ReadonlySet<string>>> = {
  anthropic: new Set(['"message_stop"']),
  "openai-responses": new Set(['"response.completed"', '"response.incomplete"', '"response.failed"']),
};

/** Where in a text an event stands that matters at all, or -1; absent: every one may. */
const matters: Partial<Record<UsageFormat, (text: string) => number>> = {
  anthropic: (text) => first(toldUsage(text), text.indexOf("message_stop")),
  openai: (text) => first(toldUsage(text), text.indexOf("[DONE]")),
  "openai-responses": toldUsage,
};

const first = (a: number, b: number): number => (a === -1 || b === -1 ? Math.max(a, b) : Math.min(a, b));

/** OpenAI writes `"usage":null` into every chunk. In a JSON string these quotes would be escaped. */
const told = /"usage"(?!\s*:\s*null)/;

function toldUsage(text: string): number {
  return text.search(told);
}

function parsed(text: string | undefined): unknown {
  if (text === undefined || text[0] !== "{") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The answer is one JSON document, or (Gemini without `alt=sse`) an array of them. */
export function createJsonMeter(format: UsageFormat): Meter {
  const counts: UsageCounts = new Map();
  const watch: Watch = { [usageKey[format]]: "value" };
  const scan = createJsonScan(watch, (_, text) => void addReport(format, counts, parsed(text)), false);
  return {
    push(bytes) {
      scan.scan(bytes, 0, bytes.length);
      return bytes;
    },
    end: () => undefined,
    isComplete: () => scan.isClosed() && tellsUsage(format, counts),
    // What looks whole may have been no JSON at all; and its end costs no client anything.
    isFinal: () => false,
    usage: () => tokenUsage(format, counts),
  };
}

/** For an answer that does not say what it is. The parameters are those of `createSseMeter`. */
export function createSniffingMeter(format: UsageFormat, dropInjected: boolean, answers: number): Meter {
  let meter: Meter | undefined;
  return {
    push(bytes) {
      if (!meter) {
        const first = bytes.find((byte) => byte > SPACE);
        if (first === undefined) return bytes;
        meter =
          first === OPEN_OBJECT || first === OPEN_ARRAY
            ? createJsonMeter(format)
            : createSseMeter(format, dropInjected, answers);
      }
      return meter.push(bytes);
    },
    end: () => meter?.end(),
    isComplete: () => meter?.isComplete() ?? false,
    isFinal: () => meter?.isFinal() ?? false,
    usage: () => meter?.usage() ?? tokenUsage(format, new Map()),
  };
}

/**
 * @param dropInjected whether the usage chunk that we asked for (OpenAI's chat) is kept from the client
 * @param answers how many answers the stream carries
 */
export function createSseMeter(format: UsageFormat, dropInjected: boolean, answers = 1): Meter {
  const counts: UsageCounts = new Map();
  const endings = lastEvents[format];
  // Gemini ends each of several answers for itself, and after the first the others may go on for long.
  const endsSeverally = format === "gemini" && answers > 1;
  let ended = false;
  let over = false;
  let reported = false;
  let choicesFilled = false;

  const scan = createJsonScan(
    eventWatch[format],
    (path, text) => {
      if (path === "choices") choicesFilled = true;
      else if (path === "type") over ||= text !== undefined && endings!.has(text.trim());
      else if (path.endsWith(usageKey[format])) {
        reported = addReport(format, counts, parsed(text));
      } else if (text?.trim() !== "null") over = true;
    },
    true,
  );

  const filter = dropInjected ? createEventFilter() : undefined;
  const events = createSseScan(
    scan,
    (done, end) => {
      if (format === "openai" && done) over = true;
      filter?.eventEnds(end, reported && !choicesFilled);
      reported = choicesFilled = false;
    },
    matters[format],
  );

  return {
    push(bytes) {
      filter?.begin(bytes);
      events.push(bytes);
      return filter ? filter.passed(choicesFilled) : bytes;
    },
    end() {
      ended = true;
      // Some leave out the blank line that ends an event where the stream ends.
      over ||= format === "openai" && events.endsInDone();
      return filter?.held();
    },
    isComplete: () => over && (ended || !endsSeverally) && tellsUsage(format, counts),
    // Gemini has no last event: any chunk after a finish reason may still raise the count.
    isFinal: () => over && format !== "gemini" && tellsUsage(format, counts),
    usage: () => tokenUsage(format, counts),
  };
}
