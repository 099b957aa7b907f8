import type { WebhookRecord } from "../../schema/webhook.ts";
import { auditEvent } from "../audited-change.ts";
import type { Context } from "../context.ts";
import { putAlert } from "./raise-alert.ts";
import { changeWebhook } from "./webhooks.ts";

const reasons = { gone: "answered 410", failing: "failed at the last of its retries" } as const;

/**
 * Switches off a webhook that cannot be reached, and tells the others. First the alert and last the delivery's record:
 * a process that dies in between leaves the delivery to another one, which comes here again.
 */
export async function disableWebhook(
  context: Context,
  { id, url }: WebhookRecord,
  reason: keyof typeof reasons,
  messageId: string,
): Promise<void> {
  const { host } = new URL(url);
  const remedy = `mend the receiver, then "provisioning webhooks enable ${id}"`;
  const data = { webhookId: id, host, reason: reasons[reason], remedy };
  await putAlert(context, { type: "webhook.disabled", cause: [id, messageId], data });
  const disabledAt = new Date(context.clock.now()).toISOString();
  let isNew = false;
  await changeWebhook(context, id, (record) => {
    isNew = record.disabledAt === undefined;
    return isNew ? { ...record, disabledAt, disabledReason: reason } : record;
  });
  if (!isNew) return;
  context.log("warn", "a webhook was switched off", { webhook: id, host, reason: reasons[reason], remedy });
  const details = { host, reason };
  auditEvent(context, { actor: "alerts" }, { action: "webhook.disable", outcome: "success", target: id, details });
}
