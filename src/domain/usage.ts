/** How a provider reports what a request cost. */
export type UsageFormat = "anthropic" | "openai" | "openai-responses" | "gemini";

export interface TokenUsage {
  input: number;
  output: number;
  /** What is charged: not always the sum of the two. */
  total: number;
}

/** The raw counts seen so far; later reports overwrite what they name and leave the rest. */
export type UsageCounts = Map<string, number>;

const counted: Record<UsageFormat, readonly string[]> = {
  anthropic: ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"],
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

/** Far above any context; keeps the sums of ninety million requests exact. */
export const mostTokens = 100_000_000;

/**
 * Takes in one report. Anthropic's are cumulative with null for what did not change; the others repeat the whole,
 * so that the last one stands. A number that is none, is negative or is beyond all measure is not believed.
 *
 * @returns whether the report held any count
 */
export function addReport(format: UsageFormat, counts: UsageCounts, report: unknown): boolean {
  if (typeof report !== "object" || report === null) return false;
  let any = false;
  for (const name of counted[format]) {
    const value = (report as Record<string, unknown>)[name];
    if (typeof value !== "number" || !(value >= 0 && value <= mostTokens)) continue;
    counts.set(name, Math.ceil(value));
    any = true;
  }
  return any;
}

/** No answer costs nothing: a total of zero is the report of a service that does not count. */
export const tellsUsage = (format: UsageFormat, counts: UsageCounts): boolean => tokenUsage(format, counts).total > 0;

export function tokenUsage(format: UsageFormat, counts: UsageCounts): TokenUsage {
  const [read, sum] = reader(counts);
  switch (format) {
    case "anthropic": {
      const input = sum("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens");
      const output = read("output_tokens"); // thinking included
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

const reader = (counts: UsageCounts) => {
  const read = (name: string): number => counts.get(name) ?? 0;
  const sum = (...names: string[]): number => names.reduce((total, name) => total + read(name), 0);
  return [read, sum] as const;
};

/** A total above its parts (reasoning that is reported nowhere else) is the truth, and belongs to the output. */
function whole(input: number, output: number, reported: number): TokenUsage {
  const total = Math.max(input + output, reported);
  return { input, output: total - input, total };
}
