import type * as z from "zod/mini";
import type {
  CreateWebhook,
  DeliveryPage,
  DeliveryResent,
  RotateWebhookSecret,
  UpdateWebhook,
  WebhookCreated,
  WebhookDeleted,
  WebhookList,
  WebhookTested,
  WebhookView,
} from "../schema/webhook.ts";
import type { CallOptions } from "./call.ts";
import type { PageQuery } from "./pages.ts";
import { below, type Requests, segment } from "./requests.ts";

type Webhooks = z.infer<typeof WebhookList>;
type WebhookDeliveries = z.infer<typeof DeliveryPage>;

/** Calls of `client.webhooks`; a signing secret is in the answer that makes it, and in no later one. */
export const webhookCalls = ({ call, read, post }: Requests) => ({
  create: (body: CreateWebhook, at?: CallOptions) => post<WebhookCreated>("/provisioning/webhooks", body, false, at),
  list: (at?: CallOptions) => read<Webhooks>("/provisioning/webhooks", undefined, at),
  update: (id: string, body: UpdateWebhook, at?: CallOptions) =>
    call<WebhookView>({ method: "PATCH", path: below("provisioning/webhooks", id), body, repeatable: true }, at),
  delete: (id: string, at?: CallOptions) =>
    call<z.infer<typeof WebhookDeleted>>(
      { method: "DELETE", path: below("provisioning/webhooks", id), repeatable: false },
      at,
    ),
  test: (id: string, at?: CallOptions) =>
    post<WebhookTested>(below("provisioning/webhooks", id, "/test"), undefined, false, at),
  rotateSecret: (id: string, body: RotateWebhookSecret = {}, at?: CallOptions) =>
    post<WebhookCreated>(below("provisioning/webhooks", id, "/rotate-secret"), body, false, at),
  /** One page, newest first. */
  deliveries: (id: string, query: PageQuery = {}, at?: CallOptions) =>
    read<WebhookDeliveries>(below("provisioning/webhooks", id, "/deliveries"), { ...query }, at),
  resend: (id: string, messageId: string, at?: CallOptions) =>
    post<z.infer<typeof DeliveryResent>>(
      below("provisioning/webhooks", id, `/deliveries/${segment(messageId)}/resend`),
      undefined,
      true,
      at,
    ),
});
