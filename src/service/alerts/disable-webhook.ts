import type { WebhookRecord } from "../../schema/webhook.ts";
import { auditEvent } from "../audited-change.ts";
import type { Context } from "../context.ts";
import { putAlert } from "./raise-alert.ts";
import { changeWebhook, findWebhook } from "./webhooks.ts";

const reasons = { gone: "answered 410", failing: "failed at the last of its retries" } as const;

/**
 * Switches off a webhook that cannot be reached, and tells the others. First the alert and last the delivery's record:
 * a process that dies in between leaves the delivery to another one, which comes here again.
 *
 * @returns whether it is switched off; not where it has another address by now, which has not failed
 */
export async function disableWebhook(
  context: Context,
  { id, url }: WebhookRecord,
  reason: keyof typeof reasons,
): Promise<boolean> {
  // Deleted while its last attempt was under way, and the delivery with it.
  if (!(await findWebhook(context, id))) return true;
  const { host } = new URL(url);
  const remedy = `mend the receiver, then "provisioning webhooks enable ${id}"`;
  const data = { webhookId: id, host, reason: reasons[reason], remedy };
  const disabledAt = new Date(context.clock.now()).toISOString();
  let isNew = false;
  let isMoved = false;
  await changeWebhook(context, id, async (record) => {
    isMoved = record.url !== url;
    isNew = !isMoved && record.disabledAt === undefined;
    if (!isNew) return record;
    // Deliveries that fail together switch it off once, and those after it was switched on again once more.
    const cause = [id, record.enabledAt ?? ""];
    await putAlert(context, { type: "webhook.disabled", cause, data });
    return { ...record, disabledAt, disabledReason: reason };
  });
  if (!isNew) return !isMoved;
  context.log("warn", "a webhook was switched off", { webhook: id, host, reason: reasons[reason], remedy });
  const details = { host, reason };
  auditEvent(context, { actor: "alerts" }, { action: "webhook.disable", outcome: "success", target: id, details });
  return true;
}
