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
): Promise<void> {
  const { host } = new URL(url);
  const remedy = `mend the receiver, then "provisioning webhooks enable ${id}"`;
  const data = { webhookId: id, host, reason: reasons[reason], remedy };
  const disabledAt = new Date(context.clock.now()).toISOString();
  let isNew = false;
  await changeWebhook(context, id, async (record) => {
    isNew = record.disabledAt === undefined;
    if (!isNew) return record;
    // Deliveries that fail together switch it off once, and those after it was switched on again once more.
    const cause = [id, record.enabledAt ?? ""];
    await putAlert(context, { type: "webhook.disabled", cause, data });
    return { ...record, disabledAt, disabledReason: reason };
  });
  if (!isNew) return;
  context.log("warn", "a webhook was switched off", { webhook: id, host, reason: reasons[reason], remedy });
  const details = { host, reason };
  auditEvent(context, { actor: "alerts" }, { action: "webhook.disable", outcome: "success", target: id, details });
}
