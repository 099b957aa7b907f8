const decoder = new TextDecoder();

/**
 * Services that refuse `stream_options`, by which the proxy asks for a stream's usage (Mistral answers 422), tell it
 * unasked. Remembered until the process ends.
 */
export interface UsageAsking {
  isRefusedBy(providerId: string): boolean;
  /** Takes down that a service answered so; @returns whether it refuses to be asked */
  answered(providerId: string, status: number, body: Uint8Array): boolean;
}

export function createUsageAsking(): UsageAsking {
  const refusing = new Set<string>();
  return {
    isRefusedBy: (providerId) => refusing.has(providerId),
    answered(providerId, status, body) {
      if (status !== 400 && status !== 422) return false;
      if (!/stream_options|include_usage/.test(decoder.decode(body))) return false;
      refusing.add(providerId);
      return true;
    },
  };
}
