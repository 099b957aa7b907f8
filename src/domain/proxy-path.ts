/**
 * What an agent's SDK takes as its base URL below our own address: each provider's public base, so that the
 * official clients find their endpoints under it.
 */
export function proxyBasePath(kind: string, slug: string): string {
  switch (kind) {
    case "openai":
      return `/proxy/${slug}/v1`;
    case "openrouter":
      return `/proxy/${slug}/api/v1`;
    default:
      return `/proxy/${slug}`;
  }
}
