import { Problem } from "../../errors.ts";
import type { Delivery } from "../../ports.ts";
import type { DeliveryView, WebhookTested } from "../../schema/webhook.ts";
import { auditedChange } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { attemptDelivery, deliveryLeaseMs, isDelivered } from "./attempt-delivery.ts";
import { messageIdOf, messageOf } from "./raise-alert.ts";
import { requireWebhook } from "./webhooks.ts";

/**
 * One attempt now, whose outcome is the answer; it is not repeated, and a disabled webhook can be tried as well.
 *
 * @throws Problem `webhook_not_found`
 */
export async function testWebhook(context: Context, caller: Caller, id: string): Promise<WebhookTested> {
  const webhook = await requireWebhook(context, id);
  const change = { action: "webhook.test", target: id };
  return await auditedChange(context, caller, change, async (operationId, details) => {
    const data = { webhookId: id };
    const message = messageOf(context, { type: "webhook.test", cause: [id, operationId], data });
    const messageId = await messageIdOf(context, message.cause);
    const lease = await context.outbox.begin(message, messageId, id, deliveryLeaseMs);
    const attempt = await attemptDelivery(context, webhook, { message, messageId });
    const delivered = isDelivered(attempt);
    await context.outbox.record(
      { endpoint: id, messageId, lease },
      { state: delivered ? "delivered" : "failed" },
      attempt,
    );
    details.delivered = delivered;
    const { status, error, ms } = attempt;
    return {
      messageId,
      delivered,
      ms,
      ...(status !== undefined && { status }),
      ...(error !== undefined && { error: error as NonNullable<WebhookTested["error"]> }),
    };
  });
}

/** @throws Problem `webhook_not_found` */
export async function listDeliveries(
  context: Context,
  id: string,
  page: { limit: number; cursor?: string | undefined },
): Promise<{ deliveries: DeliveryView[]; nextCursor?: string }> {
  await requireWebhook(context, id);
  const { deliveries, nextCursor } = await context.outbox.deliveries(id, page);
  return { deliveries: deliveries.map(deliveryView), ...(nextCursor !== undefined && { nextCursor }) };
}

/** @throws Problem `webhook_not_found`, `delivery_not_found` */
export async function resendDelivery(
  context: Context,
  caller: Caller,
  id: string,
  messageId: string,
): Promise<{ messageId: string; state: "pending" }> {
  await requireWebhook(context, id);
  const change = { action: "webhook.resend", target: id, details: { messageId: messageId.slice(0, 64) } };
  return await auditedChange(context, caller, change, async () => {
    if (!(await context.outbox.resend(id, messageId))) {
      const detail = `There is no delivery "${messageId.slice(0, 64)}" of the last seven days; "webhooks deliveries ${id}" shows those there are.`;
      throw new Problem("delivery_not_found", detail);
    }
    return { messageId, state: "pending" as const };
  });
}

const isoOf = (time: number): string => new Date(time).toISOString();

function deliveryView({ messageId, type, createdAt, state, attempts, last, dueAt }: Delivery): DeliveryView {
  return {
    messageId,
    type,
    createdAt: isoOf(createdAt),
    state,
    attempts,
    ...(last && { lastAttemptAt: isoOf(last.at), ms: last.ms }),
    ...(last?.status !== undefined && { status: last.status }),
    ...(last?.error !== undefined && { error: last.error as NonNullable<DeliveryView["error"]> }),
    ...(dueAt !== undefined && { nextAttemptAt: isoOf(dueAt) }),
  };
}
