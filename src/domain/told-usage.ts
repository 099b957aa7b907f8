import { promptTokens, type UsageParts } from "./usage-parts.ts";

/** Tokens as a provider reports them. */
export interface TokenUsage {
  input: number;
  output: number;
  /** Charged to token quotas: not always the sum of the two. */
  total: number;
}

/** A request's cost as a provider has told it. */
export interface ToldUsage extends TokenUsage {
  /** They add up to `total`. */
  parts: UsageParts;
  /** Searches that the provider's own tool made. */
  webSearches: number;
  /** How long its cache lasts was not told: what was written to it may have an hour's price. */
  cacheIsUnsplit?: boolean | undefined;
  /** The provider's own charge, in micro-dollars; absent: the provider does not say. */
  costMicroUsd?: number | undefined;
}

/** The usage of an answer of which nothing was told. */
export const noUsage: Readonly<ToldUsage> = Object.freeze({
  input: 0,
  output: 0,
  total: 0,
  parts: Object.freeze({ input: 0, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, output: 0 }),
  webSearches: 0,
});

/** The sum of several answers to one request. */
export function addedUsage(a: ToldUsage, b: ToldUsage): ToldUsage {
  const parts: UsageParts = {
    input: a.parts.input + b.parts.input,
    cacheRead: a.parts.cacheRead + b.parts.cacheRead,
    cacheWrite: a.parts.cacheWrite + b.parts.cacheWrite,
    cacheWrite1h: a.parts.cacheWrite1h + b.parts.cacheWrite1h,
    output: a.parts.output + b.parts.output,
  };
  const costMicroUsd =
    a.costMicroUsd === undefined && b.costMicroUsd === undefined
      ? undefined
      : (a.costMicroUsd ?? 0) + (b.costMicroUsd ?? 0);
  const usage = summedUsage(parts, parts.output, a.webSearches + b.webSearches, costMicroUsd);
  return a.cacheIsUnsplit || b.cacheIsUnsplit ? { ...usage, cacheIsUnsplit: true } : usage;
}

/** The usage whose input and total are the sums of its parts. */
export const summedUsage = (
  parts: UsageParts,
  output: number,
  webSearches: number,
  costMicroUsd: number | undefined,
): ToldUsage => {
  const input = promptTokens(parts);
  return { input, output, total: input + output, parts, webSearches, costMicroUsd };
};

/** A report whose counts hold those of the cache within them. */
interface WholeReport {
  /** The input tokens, those read from a cache and written to one included. */
  input: number;
  output: number;
  /** As the provider adds up. */
  reported: number;
  cacheRead: number;
  cacheWrite?: number;
  /** The part of `cacheWrite` that was written for an hour. */
  cacheWrite1h?: number;
  costMicroUsd: number | undefined;
}

/** A total above its parts (reasoning that is reported nowhere else) is the truth, and belongs to the output. */
export function wholeUsage(report: WholeReport): ToldUsage {
  const { input, costMicroUsd } = report;
  const total = Math.max(input + report.output, report.reported);
  const cacheRead = Math.min(report.cacheRead, input);
  const cacheWrite = Math.min(report.cacheWrite ?? 0, input - cacheRead);
  const cacheWrite1h = Math.min(report.cacheWrite1h ?? 0, cacheWrite);
  const parts = {
    input: input - cacheRead - cacheWrite,
    cacheRead,
    cacheWrite: cacheWrite - cacheWrite1h,
    cacheWrite1h,
    output: total - input,
  };
  return summedUsage(parts, parts.output, 0, costMicroUsd);
}
