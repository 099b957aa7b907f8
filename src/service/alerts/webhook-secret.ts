import { isProblem } from "../../errors.ts";
import { type Sealing, seal, unseal } from "../secrets/vault.ts";

/** Moved to another webhook's record, a secret does not open. */
const webhookBinding = (id: string) => ({ provider: "webhook", id });

/** Bound to the webhook's id: it opens under no other. */
export const sealWebhookSecret = async (context: Sealing, id: string, secret: string): Promise<string> =>
  await seal(context, secret, webhookBinding(id));

/** @throws Problem `secret_unopenable` */
export const openWebhookSecret = async (context: Sealing, id: string, sealed: string): Promise<string> =>
  await unseal(context, sealed, webhookBinding(id));

/** One that no seal key opens signs nothing: a rotation is the remedy for that. */
export async function openRetiredSecret(context: Sealing, id: string, sealed: string): Promise<string | undefined> {
  try {
    return await openWebhookSecret(context, id, sealed);
  } catch (error) {
    if (isProblem(error, "secret_unopenable")) return undefined;
    throw error;
  }
}
