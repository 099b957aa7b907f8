import * as z from "zod/mini";
import { HttpUrl, ProviderSlug, printable } from "./primitives.ts";

const ApiKey = z.string().check(z.minLength(1), z.maxLength(8192), printable);

/** A key for one AI provider that the caller hands over for an agent. It is never stored but on the agent's host. */
export const AgentAuth = z.strictObject({
  provider: ProviderSlug,
  credentials: z.strictObject({ apiKey: ApiKey }),
  baseUrl: z.optional(HttpUrl),
});
export type AgentAuth = z.infer<typeof AgentAuth>;
