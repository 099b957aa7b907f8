import type { ReadRequest } from "./read-request.ts";

const none: readonly string[] = [];

/** Every model that may serve the request. */
export function modelsOf({ endpoint, reading }: Pick<ReadRequest, "endpoint" | "reading">): readonly string[] {
  const named = reading?.models ?? none;
  return endpoint.model === undefined ? named : [endpoint.model, ...named];
}
