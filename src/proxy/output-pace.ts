import { factsOf, type ProviderKind } from "../domain/provider-facts.ts";
import { providers } from "../providers/registry.ts";
import type { AiProviderRecord } from "../schema/ai-provider.ts";
import { predicts } from "./hidden-output.ts";
import type { ReadRequest } from "./read-request.ts";

/**
 * The bound of a model that reasons out of sight: the time that it had.
 *
 * @param origin scheme and host that the request is sent to
 * @param omitted tools at the provider that were left out of it
 * @returns tokens a second; `undefined` where nobody can tell
 */
export function outputPace(
  { kind }: Pick<AiProviderRecord, "kind">,
  origin: string,
  { body, reading }: Pick<ReadRequest, "body" | "reading">,
  omitted?: readonly string[],
): number | undefined {
  const { pace } = providers[kind];
  if (pace === undefined || !isItsOwn(kind, origin)) return undefined;
  // A tool at the provider may ask other models, a prediction is read in one go, and "pro" may think in parallel.
  const callsTools = reading?.hosted !== undefined && omitted === undefined;
  if (callsTools || predicts(body) || reading?.models.some((model) => pro.test(model))) {
    return undefined;
  }
  return pace * (reading?.answers ?? 1);
}

const pro = /\bpro\b/;
const ownOrigins = new Map<ProviderKind, string | undefined>();

/** On machines of others a model may be faster than any bound. */
function isItsOwn(kind: ProviderKind, origin: string): boolean {
  if (!ownOrigins.has(kind)) {
    const { baseUrl } = factsOf(kind);
    ownOrigins.set(kind, baseUrl && new URL(baseUrl).origin);
  }
  return ownOrigins.get(kind) === origin;
}
