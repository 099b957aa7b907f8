import { isProblem } from "../../errors.ts";
import type { DeliveryAttempt, OutboxMessage } from "../../ports.ts";
import type { WebhookRecord } from "../../schema/webhook.ts";
import { version } from "../../version.ts";
import type { Context } from "../context.ts";
import { signedHeaders } from "./sign-webhook.ts";
import { type Alert, bodyOf } from "./webhook-formats.ts";
import { openRetiredSecret, openWebhookSecret } from "./webhook-secret.ts";

const deliveryTimeoutMs = 15_000;
/** Later than the second attempt. */
const lateMs = 60_000;
/** Longer than an attempt takes, so that nobody else makes the same one meanwhile. */
export const deliveryLeaseMs = 60_000;

export interface Attempted extends DeliveryAttempt {
  /** As the receiver sent it. */
  retryAfter?: string | undefined;
}

/** Whether the receiver answered 2xx; a redirect is a failure. */
export const isDelivered = ({ status = 0 }: DeliveryAttempt): boolean => status >= 200 && status < 300;

/** The alert of a message: the same at every attempt, but for the address of the deployment. */
export function alertOf({ settings }: Pick<Context, "settings">, { type, at, data }: OutboxMessage): Alert {
  const { publicUrl: deployment, console: page } = settings.provisioning;
  const stored = JSON.parse(data) as Record<string, unknown>;
  const hasPage = page.enabled && typeof stored.agentId === "string";
  const link = hasPage && {
    console: `${deployment}${page.path}/#/agents/${encodeURIComponent(String(stored.agentId))}`,
  };
  return { type, timestamp: new Date(at).toISOString(), data: { deployment, ...stored, ...link } };
}

/** One attempt, whose failure is an answer too. Rejects only where `stop` says so. */
export async function attemptDelivery(
  context: Context,
  webhook: WebhookRecord,
  { message, messageId, isOver }: { message: OutboxMessage; messageId: string; isOver?: boolean },
  stop?: AbortSignal,
): Promise<Attempted> {
  const at = context.clock.now();
  const startedAt = performance.now();
  const took = () => ({ at, ms: Math.round(performance.now() - startedAt) });
  const timeout = AbortSignal.timeout(deliveryTimeoutMs);
  const signal = stop ? AbortSignal.any([timeout, stop]) : timeout;
  try {
    const alert = { ...alertOf(context, message), isLate: at - message.at >= lateMs };
    const body = bodyOf(webhook.format, alert, webhook.url, isOver);
    const headers = {
      "content-type": "application/json",
      "user-agent": `openclaw-provisioning/${version}`,
      ...(await credentials(context, webhook, { id: messageId, timestamp: Math.floor(at / 1000), body })),
    };
    const { status, retryAfter } = await context.webhooks.post(webhook.url, { headers, body, signal });
    return { ...took(), status, retryAfter };
  } catch (cause) {
    if (stop?.aborted) throw cause;
    const error = timeout.aborted ? "timeout" : kindOf(cause);
    context.log("info", "a webhook could not be reached", { webhook: webhook.id, error, cause });
    return { ...took(), error };
  }
}

function kindOf(cause: unknown): string {
  if (isProblem(cause, "webhook_not_allowed")) return "address_refused";
  return isProblem(cause, "secret_unopenable") ? "secret_unopenable" : "connection";
}

async function credentials(
  context: Context,
  { id, format, sealedSecret, previous }: WebhookRecord,
  signed: { id: string; timestamp: number; body: string },
): Promise<Record<string, string>> {
  const current = await openWebhookSecret(context, id, sealedSecret);
  if (format === "openclaw") return { "webhook-id": signed.id, authorization: `Bearer ${current}` };
  const isLive = previous !== undefined && Date.parse(previous.until) > context.clock.now();
  const before = isLive ? await openRetiredSecret(context, id, previous.sealedSecret) : undefined;
  return await signedHeaders(before === undefined ? [current] : [current, before], signed);
}
