import { withoutKeys } from "../domain/key-shapes.ts";
import type { ProviderWire, WireError } from "../providers/shared/wire.ts";
import { answerGuards } from "./headers.ts";
import type { Reservation } from "./reserve.ts";
import { suspendedMessage } from "./verify-key.ts";

/** An answer of ours, in the provider's shape. */
export interface Refusal {
  outcome: "refused";
  status: number;
  headers: Record<string, string>;
  body: string;
  /** Goes to the log as the client is told. */
  message: string;
  /** The AI provider of the key, where one vouched for it. */
  provider?: string;
}

export interface Refused extends Pick<WireError, "status" | "message" | "quota"> {
  headers?: Record<string, string> | undefined;
}

/** No retry mends these: SDKs obey the header, where Claude Code would ask for three minutes. */
const final: ReadonlySet<number> = new Set([400, 401, 403, 404, 413, 415, 426]);

/** An answer that the provider's SDK understands, under our request id; no key that was sent stands in it. */
export function refusal(wire: ProviderWire, requestId: string, refused: Refused): Refusal {
  const { status, quota, headers } = refused;
  const message = withoutKeys(refused.message.toWellFormed());
  return {
    outcome: "refused",
    status,
    message,
    headers: {
      "content-type": "application/json",
      "x-request-id": requestId,
      ...answerGuards,
      ...(wire.requestIdHeader !== undefined && { [wire.requestIdHeader]: requestId }),
      ...(final.has(status) && { "x-should-retry": "false" }),
      ...(quota && quotaHeaders(wire, quota)),
      ...headers,
    },
    body: JSON.stringify(wire.error({ status, message, requestId, quota })),
  };
}

/**
 * The pause before a call that is asked again in vain. Some clients do so as often as they count (opencode five times,
 * the AI SDK twice): they sleep no longer than this, rather than until the quota's reset, and then show the refusal.
 */
const inVainMs = 500;

function quotaHeaders({ sleepsThrough }: ProviderWire, quota: NonNullable<WireError["quota"]>): Record<string, string> {
  const { retryAfter, transient } = quota;
  return {
    ...((transient || !sleepsThrough) && { "retry-after": String(retryAfter) }),
    ...(!transient && { "x-should-retry": "false", "retry-after-ms": String(inVainMs) }),
  };
}

const noPrice = (model: string | undefined): string =>
  model === undefined
    ? 'the request names no model whose price is known; name one, or set its price with "provisioning prices set"'
    : `no price is known for "${model.slice(0, 200)}"; set one with "provisioning prices set" or choose another`;

/** Why nothing could be reserved. */
export function reservationRefused(reserved: Exclude<Reservation, { outcome: "reserved" }>): Refused {
  switch (reserved.outcome) {
    case "standing":
      // Not 401 or 403: those cool OpenClaw's profile down, and resuming would not be felt.
      return { status: 400, message: suspendedMessage };
    case "model":
      return {
        status: 403,
        message:
          reserved.model === undefined
            ? "This key may be used with certain models only, and the request names none"
            : `This key may not be used with the model "${reserved.model.slice(0, 200)}"`,
      };
    case "unbounded":
      return {
        status: 400,
        message: `Not possible with a key that has a ${reserved.quota} quota: ${reserved.reason}`,
      };
    case "unpriced":
      return { status: 403, message: noPrice(reserved.model) };
    case "denied": {
      const { message, retryAfter, transient } = reserved.denial;
      return { status: 429, message, quota: { name: reserved.quota, retryAfter, transient } };
    }
  }
}
