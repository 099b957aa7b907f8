/** How a provider reports what a request cost. */
export type UsageFormat = "anthropic" | "openai" | "openai-responses" | "gemini";

export interface TokenUsage {
  input: number;
  output: number;
  /** What is charged: not always the sum of the two. */
  total: number;
}

/** What the reports of one answer have said so far. */
export interface UsageCounts {
  /** The highest of each count: none of them ever goes down. */
  counts: Map<string, number>;
  /** One of the reports cannot be true. */
  isDoubtful: boolean;
}

/** Ours, for what compaction cost: https://platform.claude.com/docs/en/build-with-claude/compaction */
const compactions = ["compacted_input", "compacted_output"] as const;

/** The iterations that the other counts leave out: the requests in which the provider shortened the conversation. */
function withCompactions(report: Record<string, unknown>): Record<string, unknown> {
  const { iterations } = report;
  if (!Array.isArray(iterations)) return report;
  const sums: Record<string, unknown> = {};
  for (const iteration of iterations as unknown[]) {
    if (typeof iteration !== "object" || iteration === null) continue;
    const { type, output_tokens, ...counts } = iteration as Record<string, unknown>;
    if (type !== "compaction") continue;
    const input = [counts.input_tokens, counts.cache_creation_input_tokens, counts.cache_read_input_tokens];
    sums.compacted_input = [sums.compacted_input, ...input].reduce<number>((sum, one) => sum + Number(one ?? 0), 0);
    sums.compacted_output = Number(sums.compacted_output ?? 0) + Number(output_tokens ?? 0);
  }
  return { ...report, ...sums };
}

const counted: Record<UsageFormat, readonly string[]> = {
  anthropic: [
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
    ...compactions,
  ],
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

/** The counts that a whole report has; `output` only where the request asks for text. */
const required: Record<UsageFormat, { always: readonly string[]; output: readonly string[] }> = {
  anthropic: { always: ["input_tokens"], output: ["output_tokens"] },
  openai: { always: ["prompt_tokens"], output: ["completion_tokens"] },
  "openai-responses": { always: ["input_tokens"], output: ["output_tokens"] },
  // Protobuf leaves zeros out: a blocked prompt has no candidates.
  gemini: { always: ["promptTokenCount", "totalTokenCount"], output: [] },
};

/** Far above any context; keeps the sums of ninety million requests exact. */
export const mostTokens = 100_000_000;

export const noCounts = (): UsageCounts => ({ counts: new Map(), isDoubtful: false });

/**
 * Takes in one report. Within one answer counts only ever rise, with null for what did not change; a count that is no
 * whole number, is negative, is beyond all measure or falls makes the whole doubtful.
 *
 * @returns whether the report held any count
 */
export function addReport(format: UsageFormat, into: UsageCounts, report: unknown): boolean {
  if (typeof report !== "object" || report === null) return false;
  let any = false;
  const told = format === "anthropic" ? withCompactions(report as Record<string, unknown>) : report;
  for (const name of counted[format]) {
    const value = (told as Record<string, unknown>)[name];
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
export function tellsUsage(format: UsageFormat, { counts, isDoubtful }: UsageCounts, answersInText: boolean): boolean {
  if (isDoubtful || tokenUsage(format, { counts }).total === 0) return false;
  const { always, output } = required[format];
  return always.every((name) => counts.has(name)) && (!answersInText || output.every((name) => counts.get(name)));
}

export function tokenUsage(format: UsageFormat, { counts }: Pick<UsageCounts, "counts">): TokenUsage {
  const read = (name: string): number => counts.get(name) ?? 0;
  const sum = (...names: string[]): number => names.reduce((total, name) => total + read(name), 0);
  switch (format) {
    case "anthropic": {
      const input = sum("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "compacted_input");
      const output = sum("output_tokens", "compacted_output"); // thinking included
      return { input, output, total: input + output };
    }
    case "openai":
      return whole(read("prompt_tokens"), read("completion_tokens"), read("total_tokens"));
    case "openai-responses":
      return whole(read("input_tokens"), read("output_tokens"), read("total_tokens"));
    case "gemini": {
      // Thoughts are not among the candidates' tokens, but they are in the total.
      const input = sum("promptTokenCount", "toolUsePromptTokenCount");
      return whole(input, sum("candidatesTokenCount", "thoughtsTokenCount"), read("totalTokenCount"));
    }
  }
}

/** A total above its parts (reasoning that is reported nowhere else) is the truth, and belongs to the output. */
function whole(input: number, output: number, reported: number): TokenUsage {
  const total = Math.max(input + output, reported);
  return { input, output: total - input, total };
}
