/** A list may name a model with or without its provider (`anthropic/claude-sonnet-4-5`); absent: every model. */
export function modelAllowed(allowed: readonly string[] | undefined, provider: string, model: string): boolean {
  if (!allowed) return true;
  const bare = model.replace(/^models\//, "");
  return allowed.some((entry) => entry === model || entry === bare || entry === `${provider}/${bare}`);
}
