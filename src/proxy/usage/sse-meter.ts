import { addReport, noCounts, tellsUsage, tokenUsage, type UsageFormat } from "../../domain/usage.ts";
import { createEventFilter } from "./event-filter.ts";
import { createJsonScan, type Watch } from "./json-scan.ts";
import type { Meter, MeterOptions } from "./meter.ts";
import { createSseScan } from "./sse-scan.ts";
import { parsedReport, usageKey } from "./usage-report.ts";

const eventWatch: Record<UsageFormat, Watch> = {
  anthropic: { type: "value", usage: "value", message: { usage: "value" }, content_block: { type: "value" } },
  openai: { usage: "value", choices: { "": "filled", finish_reason: "value" } },
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

/** Anthropic's blocks that the model writes for the client to see; in the end all of it is among the stream's bytes. */
const visible = new Set(['"text"', '"tool_use"']);
/** Written out of sight, or in part; they add nothing to the input. */
const outOfSight = new Set(['"thinking"', '"redacted_thinking"']);

/** The place in a text of an event that matters at all, or -1; absent: every one may. */
const matters: Partial<Record<UsageFormat, (text: string) => number>> = {
  anthropic: (text) => first(first(toldUsage(text), text.indexOf("message_stop")), text.indexOf('"content_block_st')),
  openai: (text) => first(toldUsage(text), text.indexOf("[DONE]")),
  "openai-responses": (text) => text.search(toldOrOver),
};

const first = (a: number, b: number): number => (a === -1 || b === -1 ? Math.max(a, b) : Math.min(a, b));

/** OpenAI writes `"usage":null` into every chunk. In a JSON string these quotes would be escaped. */
const told = /"usage"(?!\s*:\s*null)/;

/** A response may end without a report. */
const toldOrOver = /"usage"(?!\s*:\s*null)|"response\.(?:completed|incomplete|failed)"/;

function toldUsage(text: string): number {
  return text.search(told);
}

/** Meters a stream of events. Where the usage was asked for on the client's behalf, its event is taken out again. */
export function createSseMeter({ format, dropInjected, answers, writesText, hidden }: MeterOptions): Meter {
  const counts = noCounts();
  const endings = lastEvents[format];
  // Gemini ends each of several answers for itself, and after the first the others may go on for long.
  const endsSeverally = format === "gemini" && answers > 1;
  let ended = false;
  let over = false;
  let reported = false;
  let choicesFilled = false;
  let finished = false;
  /** The last event told the usage of an answer that was done: what follows is the end, with or without `[DONE]`. */
  let toldAtEnd = false;
  let bytesSeen = 0;
  let hasHidden = false;
  /** Within a block that the client sees, a model that may think does not. */
  let inSight = false;
  /** Within a block of which the next part may be long, and is shown when it is whole. */
  let holdsBack = false;
  let inputGrows = hidden.input;

  function blockBegins(type: string): void {
    holdsBack = hidden.calls && type === '"tool_use"';
    inSight = visible.has(type);
    if (inSight) return;
    hasHidden = true;
    // The model may have read the text of a block that nobody knows (a tool that the provider runs).
    if (!outOfSight.has(type)) inputGrows = true;
  }

  function eventOf(type: string): void {
    over ||= endings!.has(type);
    if (type === '"content_block_stop"') inSight = holdsBack = false;
  }

  /** An event of which a part has come may end the block. */
  const seesAll = (): boolean => inSight && events.isBetweenEvents();

  const scan = createJsonScan(
    eventWatch[format],
    (path, text) => {
      if (path === "choices") choicesFilled = true;
      else if (path === "choices.finish_reason") finished ||= text !== undefined && text.trim() !== "null";
      else if (path === "type") eventOf(text?.trim() ?? "");
      else if (path === "content_block.type") blockBegins(text?.trim() ?? "");
      else if (path.endsWith(usageKey[format])) {
        reported = addReport(format, counts, parsedReport(text));
      } else if (text?.trim() !== "null") over = true;
    },
    true,
  );

  const filter = dropInjected ? createEventFilter() : undefined;
  const events = createSseScan(
    scan,
    (done, end) => {
      if (format === "openai" && done) over = true;
      // Several answers in one event would be counted as one.
      if (reported && scan.objects() !== 1) counts.isDoubtful = true;
      filter?.eventEnds(end, reported && !choicesFilled);
      toldAtEnd = reported && (finished || !choicesFilled);
      reported = choicesFilled = finished = false;
    },
    matters[format],
  );

  return {
    push(bytes) {
      bytesSeen += bytes.length;
      filter?.begin(bytes);
      events.push(bytes);
      return filter ? filter.passed(choicesFilled) : bytes;
    },
    end() {
      ended = true;
      // Some leave out the blank line that ends an event where the stream ends.
      over ||= format === "openai" && (toldAtEnd || events.endsInDone());
      return filter?.held();
    },
    isComplete: () => over && (ended || !endsSeverally) && tellsUsage(format, counts, writesText),
    // Gemini has no last event: any chunk after a finish reason may still raise the count.
    isFinal: () => over && format !== "gemini" && tellsUsage(format, counts, writesText),
    usage: () => tokenUsage(format, counts),
    progress() {
      // After its end the report is all there is: one that is missing or cannot be true is no measure.
      if (counts.isDoubtful || over) return undefined;
      const usage = tokenUsage(format, counts);
      return {
        told: usage,
        // A service that does not count, or not yet, says 0.
        inputIsTold: !inputGrows && usage.input > 0,
        outputBytes: hasHidden || holdsBack || (hidden.output && !seesAll()) ? undefined : bytesSeen,
      };
    },
  };
}
