import type { Progress } from "../../domain/interrupted-usage.ts";
import type { ToldUsage } from "../../domain/told-usage.ts";
import type { UsageFormat } from "../../domain/usage.ts";
import type { HiddenCost } from "../hidden-output.ts";

export interface Meter {
  /** Reads one piece; @returns what of it (and of what was held back) goes on to the client. */
  push(bytes: Uint8Array): Uint8Array | undefined;
  /** The upstream has ended: what was held back. */
  end(): Uint8Array | undefined;
  /** The provider has said what it cost, and that it was done. */
  isComplete(): boolean;
  /** It is complete, and no later report can follow. */
  isFinal(): boolean;
  usage(): ToldUsage;
  /** The progress of an answer that is not complete; `undefined` where nothing of it is to be relied on. */
  progress(): (Progress & { told: ToldUsage }) | undefined;
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
