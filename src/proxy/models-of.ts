import type { ReadRequest } from "./read-request.ts";

const none: readonly string[] = [];

/** The model that is asked first, by which the usage is shown. */
export function firstModel(request: Pick<ReadRequest, "endpoint" | "reading" | "body">): string | undefined {
  const { endpoint, body } = request;
  const asked = endpoint.model ?? body?.get("model");
  return typeof asked === "string" ? asked : modelsOf(request)[0];
}

/** Every model that may serve the request. */
export function modelsOf({ endpoint, reading }: Pick<ReadRequest, "endpoint" | "reading">): readonly string[] {
  const named = reading?.models ?? none;
  return endpoint.model === undefined ? named : [endpoint.model, ...named];
}
