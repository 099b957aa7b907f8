import { type Sealing, seal, unseal } from "../secrets/vault.ts";

/** Moved to another webhook's record, a secret does not open. */
const webhookBinding = (id: string) => ({ provider: "webhook", id });

/** Bound to the webhook's id: it opens under no other. */
export const sealWebhookSecret = async (context: Sealing, id: string, secret: string): Promise<string> =>
  await seal(context, secret, webhookBinding(id));

/** @throws Problem `secret_unopenable` */
export const openWebhookSecret = async (context: Sealing, id: string, sealed: string): Promise<string> =>
  await unseal(context, sealed, webhookBinding(id));
