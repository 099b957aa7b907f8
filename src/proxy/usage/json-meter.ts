import { addedUsage, noUsage, type ToldUsage } from "../../domain/told-usage.ts";
import { addReport, noCounts, tellsUsage, tokenUsage, type UsageCounts, type UsageFormat } from "../../domain/usage.ts";
import { createJsonScan, type JsonScan, type Watch } from "./json-scan.ts";
import type { Meter, MeterOptions } from "./meter.ts";
import { parsedReport, usageKey } from "./usage-report.ts";

/**
 * The answer is one JSON document, or a list of them: Gemini's chunks without `alt=sse`, whose counts go on rising, or
 * (LiteLLM, several models) answers that each have a cost of their own.
 */
export const createJsonMeter = (options: Pick<MeterOptions, "format" | "writesText">): Meter => new JsonMeter(options);

const watchOf = (format: UsageFormat): Watch => ({ [usageKey[format]]: "value" });
const watches: Record<UsageFormat, Watch> = {
  anthropic: watchOf("anthropic"),
  openai: watchOf("openai"),
  "openai-responses": watchOf("openai-responses"),
  gemini: watchOf("gemini"),
};

class JsonMeter implements Meter {
  readonly #format: UsageFormat;
  readonly #writesText: boolean;
  readonly #addsUp: boolean;
  /** The sum of the answers that have ended: a list of them may be as long as the document. */
  #ended: ToldUsage | undefined;
  #allTell = true;
  #current: UsageCounts | undefined;
  readonly #scan: JsonScan;

  constructor({ format, writesText }: Pick<MeterOptions, "format" | "writesText">) {
    this.#format = format;
    this.#writesText = writesText;
    this.#addsUp = format !== "gemini";
    this.#scan = createJsonScan(
      watches[format],
      (_, text) => {
        this.#current ??= noCounts();
        addReport(format, this.#current, parsedReport(text));
      },
      false,
      () => this.#answerEnds(),
    );
  }

  #answerEnds(): void {
    this.#current ??= noCounts();
    if (!this.#addsUp) return;
    const told = tokenUsage(this.#format, this.#current);
    this.#allTell &&= tellsUsage(this.#format, this.#current, this.#writesText, told);
    this.#ended = this.#ended === undefined ? told : addedUsage(this.#ended, told);
    this.#current = undefined;
  }

  push(bytes: Uint8Array): Uint8Array {
    this.#scan.scan(bytes, 0, bytes.length);
    return bytes;
  }

  end(): undefined {}

  isComplete(): boolean {
    return (
      this.#scan.isClosed() &&
      this.#scan.objects() !== undefined &&
      this.#allTell &&
      (this.#addsUp || this.#current === undefined || tellsUsage(this.#format, this.#current, this.#writesText))
    );
  }

  /** A text that looks whole may have been no JSON at all, and its end costs no client anything. */
  isFinal(): boolean {
    return false;
  }

  usage(): ToldUsage {
    if (this.#current === undefined) return this.#ended ?? noUsage;
    const told = tokenUsage(this.#format, this.#current);
    return this.#ended === undefined ? told : addedUsage(this.#ended, told);
  }

  progress(): undefined {}
}
