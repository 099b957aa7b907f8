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
  readonly #answers: UsageCounts[] = [];
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
    if (!this.#addsUp && this.#answers.length > 0) return;
    this.#current ??= noCounts();
    this.#answers.push(this.#current);
    if (this.#addsUp) this.#current = undefined;
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
      this.#answers.every((answer) => tellsUsage(this.#format, answer, this.#writesText))
    );
  }

  /** A text that looks whole may have been no JSON at all, and its end costs no client anything. */
  isFinal(): boolean {
    return false;
  }

  usage(): ToldUsage {
    const answers = this.#answers;
    const current = this.#current;
    if (current === undefined && answers.length === 0) return noUsage;
    if (current === undefined && answers.length === 1) return tokenUsage(this.#format, answers[0]!);
    const all = current === undefined ? answers : this.#addsUp ? [...answers, current] : [current];
    return all.map((answer) => tokenUsage(this.#format, answer)).reduce(addedUsage);
  }

  progress(): undefined {}
}
