import type { WebhookRecord } from "../../schema/webhook.ts";
import type { Context } from "../context.ts";
import { isSealedUnderNewest } from "../secrets/vault.ts";
import { openRetiredSecret, openWebhookSecret, sealWebhookSecret } from "./webhook-secret.ts";
import { allWebhooks, changeWebhook } from "./webhooks.ts";

/**
 * @returns how many secrets were under an older seal key
 * @throws Problem `secret_unopenable`
 */
export async function resealWebhooks(context: Context): Promise<number> {
  let resealed = 0;
  const anew = async (id: string, sealed: string): Promise<string> => {
    if (await isSealedUnderNewest(context, sealed)) return sealed;
    const next = await sealWebhookSecret(context, id, await openWebhookSecret(context, id, sealed));
    resealed++;
    return next;
  };
  const reseal = async ({ previous, ...record }: WebhookRecord): Promise<WebhookRecord> => {
    const isKept =
      previous !== undefined &&
      Date.parse(previous.until) > context.clock.now() &&
      (await openRetiredSecret(context, record.id, previous.sealedSecret)) !== undefined;
    return {
      ...record,
      sealedSecret: await anew(record.id, record.sealedSecret),
      ...(isKept && { previous: { ...previous, sealedSecret: await anew(record.id, previous.sealedSecret) } }),
    };
  };
  for (const { id, sealedSecret, previous } of await allWebhooks(context)) {
    if (previous === undefined && (await isSealedUnderNewest(context, sealedSecret))) continue;
    await changeWebhook(context, id, reseal);
  }
  return resealed;
}
