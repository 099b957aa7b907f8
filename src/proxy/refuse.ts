import { withoutKeys } from "../domain/key-shapes.ts";
import type { ProviderWire } from "../providers/wire.ts";
import { answerGuards } from "./headers.ts";

/** An answer of ours, in the provider's shape. */
export interface Refusal {
  outcome: "refused";
  status: number;
  headers: Record<string, string>;
  body: string;
  /** Whose key it is, where one vouched for it. */
  provider?: string;
}

export function refusal(
  wire: ProviderWire,
  status: number,
  message: string,
  requestId: string,
  headers: Record<string, string> = {},
): Refusal {
  return {
    outcome: "refused",
    status,
    headers: {
      "content-type": "application/json",
      "x-request-id": requestId,
      ...answerGuards,
      ...(wire.requestIdHeader !== undefined && { [wire.requestIdHeader]: requestId }),
      ...headers,
    },
    body: JSON.stringify(wire.error({ status, message: withoutKeys(message.toWellFormed()), requestId })),
  };
}
