import type { ReadRequest } from "./read-request.ts";

/** Every model that may serve the request. */
export const modelsOf = ({ endpoint, reading }: Pick<ReadRequest, "endpoint" | "reading">): string[] => [
  ...(endpoint.model === undefined ? [] : [endpoint.model]),
  ...(reading?.models ?? []),
];
