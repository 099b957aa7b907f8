import { isRecord } from "./is-record.ts";
import { ceilMicroUsd } from "./micro-usd.ts";
import { summedUsage, type ToldUsage, wholeUsage } from "./told-usage.ts";
import type { UsageParts } from "./usage-parts.ts";

/** How a provider reports what a request cost. */
export type UsageFormat = "anthropic" | "openai" | "openai-responses" | "gemini";

/** The counts in the reports of one answer so far. */
export interface UsageCounts {
  /** The highest of each count: none of them ever goes down. */
  counts: Map<string, number>;
  /** One of the reports cannot be true. */
  isDoubtful: boolean;
  /** Counts within the others, which have prices of their own; the last that was told. Absent: none was. */
  details?: Map<string, number>;
  costMicroUsd?: number | undefined;
}

/** Ours, for what the iterations cost that Anthropic's other counts leave out. */
const besides = ["beside_input", "beside_write", "beside_write_1h", "beside_read", "beside_output"] as const;

/**
 * Requests of the provider's own, in which it shortened the conversation or asked another model for advice:
 * https://platform.claude.com/docs/en/build-with-claude/compaction,
 * https://platform.claude.com/docs/en/agents-and-tools/tool-use/advisor-tool
 */
const leftOut: ReadonlySet<unknown> = new Set(["compaction", "advisor_message"]);

function withIterations(report: Record<string, unknown>): Record<string, unknown> {
  const { iterations } = report;
  if (!Array.isArray(iterations)) return report;
  const sums: Record<string, number> = {};
  for (const iteration of iterations as unknown[]) {
    if (!isRecord(iteration) || !leftOut.has(iteration.type)) continue;
    const add = (name: (typeof besides)[number], value: unknown) => {
      sums[name] = (sums[name] ?? 0) + Number(value ?? 0);
    };
    add("beside_input", iteration.input_tokens);
    add("beside_write", iteration.cache_creation_input_tokens);
    add("beside_write_1h", isRecord(iteration.cache_creation) && iteration.cache_creation.ephemeral_1h_input_tokens);
    add("beside_read", iteration.cache_read_input_tokens);
    add("beside_output", iteration.output_tokens);
  }
  return { ...report, ...sums };
}

const counted: Record<UsageFormat, readonly string[]> = {
  anthropic: ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens", ...besides],
  openai: ["prompt_tokens", "completion_tokens", "total_tokens"],
  "openai-responses": ["input_tokens", "output_tokens", "total_tokens"],
  gemini: [
    "promptTokenCount",
    "toolUsePromptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "totalTokenCount",
  ],
};

/** The places where reports tell what was read from a cache, was written to one, or was searched. */
const detailed: Record<UsageFormat, readonly (readonly [...groups: string[], name: string])[]> = {
  anthropic: [
    ["cache_creation", "ephemeral_5m_input_tokens"],
    ["cache_creation", "ephemeral_1h_input_tokens"],
    ["server_tool_use", "web_search_requests"],
  ],
  openai: [
    ["prompt_tokens_details", "cached_tokens"],
    ["prompt_tokens_details", "cache_write_tokens"],
    // LiteLLM's, for Claude.
    ["prompt_tokens_details", "cache_creation_tokens"],
    ["prompt_tokens_details", "cache_creation_token_details", "ephemeral_1h_input_tokens"],
  ],
  "openai-responses": [
    ["input_tokens_details", "cached_tokens"],
    ["input_tokens_details", "cache_write_tokens"],
  ],
  gemini: [["cachedContentTokenCount"]],
};

/** The counts that a whole report has; `output` only where the request asks for text, and never zero. */
const required: Record<UsageFormat, { always: readonly string[]; output: readonly string[] }> = {
  anthropic: { always: ["input_tokens"], output: ["output_tokens"] },
  openai: { always: ["prompt_tokens"], output: ["completion_tokens"] },
  "openai-responses": { always: ["input_tokens"], output: ["output_tokens"] },
  // Protobuf leaves zeros out: a blocked prompt has no candidates. An embedding's report has no total at all.
  gemini: { always: ["promptTokenCount"], output: ["totalTokenCount"] },
};

/** Far above any context; keeps the sums of ninety million requests exact. */
export const mostTokens = 100_000_000;

/** Counts of an answer in which nothing was reported yet. */
export const noCounts = (): UsageCounts => ({ counts: new Map(), isDoubtful: false });

const isCount = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= mostTokens;

/** A detail that cannot be true is as good as none: what it would have set apart has the price of the rest. */
function addDetails(format: UsageFormat, into: UsageCounts, report: Record<string, unknown>): void {
  for (const path of detailed[format]) {
    let value: unknown = report;
    for (const name of path) value = isRecord(value) ? value[name] : undefined;
    if (!isCount(value)) continue;
    into.details ??= new Map();
    into.details.set(path.at(-1)!, value);
  }
}

/**
 * OpenRouter's own charge (https://openrouter.ai/docs/use-cases/usage-accounting). A request under the operator's key
 * at the model's provider has OpenRouter's fee alone there, and the provider's charge stands beside it.
 */
function costOf({ cost, cost_details, is_byok }: Record<string, unknown>): number | undefined {
  const own = ceilMicroUsd(cost);
  if (own === undefined) return undefined;
  const upstream = isRecord(cost_details) ? cost_details.upstream_inference_cost : undefined;
  return is_byok === false ? own : own + (ceilMicroUsd(upstream) ?? 0);
}

/**
 * Takes in one report. Within one answer counts only ever rise, with null for what did not change; a count that is no
 * whole number, is negative, is beyond all measure or falls makes the whole doubtful.
 *
 * @returns whether the report held any count
 */
export function addReport(format: UsageFormat, into: UsageCounts, report: unknown): boolean {
  if (!isRecord(report)) return false;
  let any = false;
  const told = format === "anthropic" ? withIterations(report) : report;
  addDetails(format, into, told);
  const cost = costOf(told);
  if (cost !== undefined) into.costMicroUsd = Math.max(cost, into.costMicroUsd ?? 0);
  for (const name of counted[format]) {
    const value = told[name];
    if (value === undefined || value === null) continue;
    any = true;
    const before = into.counts.get(name) ?? 0;
    if (!Number.isInteger(value) || !((value as number) >= before && (value as number) <= mostTokens)) {
      into.isDoubtful = true;
    } else into.counts.set(name, value as number);
  }
  return any;
}

/** Whether the reports are all there and can be true. No answer costs nothing, and no text is of no tokens. */
export function tellsUsage(
  format: UsageFormat,
  told: UsageCounts,
  answersInText: boolean,
  usage = tokenUsage(format, told),
): boolean {
  if (told.isDoubtful || usage.total === 0) return false;
  const { always, output } = required[format];
  const { counts } = told;
  return always.every((name) => counts.has(name)) && (!answersInText || output.every((name) => counts.get(name)));
}

const unsplit = (usage: ToldUsage): ToldUsage =>
  usage.parts.cacheWrite > 0 ? { ...usage, cacheIsUnsplit: true } : usage;

/** A report in parts that add up: each token is in exactly one of them. */
export function tokenUsage(
  format: UsageFormat,
  told: Pick<UsageCounts, "counts" | "details" | "costMicroUsd">,
): ToldUsage {
  const read = (name: string): number => told.counts.get(name) ?? 0;
  const detail = (name: string): number => told.details?.get(name) ?? 0;
  const { costMicroUsd } = told;
  switch (format) {
    case "anthropic": {
      const written = read("cache_creation_input_tokens");
      const split = detail("ephemeral_5m_input_tokens") + detail("ephemeral_1h_input_tokens") > 0;
      const hour = Math.min(written, detail("ephemeral_1h_input_tokens"));
      const besideHour = Math.min(read("beside_write"), read("beside_write_1h"));
      const parts: UsageParts = {
        input: read("input_tokens") + read("beside_input"),
        cacheRead: read("cache_read_input_tokens") + read("beside_read"),
        cacheWrite: written - hour + read("beside_write") - besideHour,
        cacheWrite1h: hour + besideHour,
        output: read("output_tokens") + read("beside_output"), // thinking included
      };
      const usage = summedUsage(parts, parts.output, detail("web_search_requests"), costMicroUsd);
      return written > 0 && !split ? unsplit(usage) : usage;
    }
    case "openai": {
      const usage = wholeUsage({
        input: read("prompt_tokens"),
        output: read("completion_tokens"),
        reported: read("total_tokens"),
        cacheRead: detail("cached_tokens"),
        cacheWrite: Math.max(detail("cache_write_tokens"), detail("cache_creation_tokens")),
        cacheWrite1h: detail("ephemeral_1h_input_tokens"),
        costMicroUsd,
      });
      return told.details?.has("ephemeral_1h_input_tokens") ? usage : unsplit(usage);
    }
    case "openai-responses": {
      const usage = wholeUsage({
        input: read("input_tokens"),
        output: read("output_tokens"),
        reported: read("total_tokens"),
        cacheRead: detail("cached_tokens"),
        cacheWrite: detail("cache_write_tokens"),
        costMicroUsd,
      });
      return unsplit(usage);
    }
    case "gemini":
      return wholeUsage({
        input: read("promptTokenCount") + read("toolUsePromptTokenCount"),
        // Thoughts are not among the candidates' tokens, but they are in the total.
        output: read("candidatesTokenCount") + read("thoughtsTokenCount"),
        reported: read("totalTokenCount"),
        cacheRead: detail("cachedContentTokenCount"),
        costMicroUsd,
      });
  }
}
