/** The tokens of one request, each of them in exactly one part, because each part has a price of its own. */
export interface UsageParts {
  /** Input that was neither read from a cache nor written to one. */
  input: number;
  cacheRead: number;
  /** Written to a cache that lasts five minutes, or as long as the provider chooses. */
  cacheWrite: number;
  /** Written to a cache that lasts an hour. */
  cacheWrite1h: number;
  /** Reasoning included. */
  output: number;
}

/** Providers call this the prompt: its size decides the tier. */
export const promptTokens = ({ input, cacheRead, cacheWrite, cacheWrite1h }: UsageParts): number =>
  input + cacheRead + cacheWrite + cacheWrite1h;
