import * as z from "zod/mini";
import { route } from "../http/call.ts";
import { PageQuery } from "../schema/page-query.ts";
import {
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
import { listDeliveries, resendDelivery, testWebhook } from "../service/alerts/deliveries.ts";
import {
  createWebhook,
  deleteWebhook,
  listWebhooks,
  rotateWebhookSecret,
  updateWebhook,
} from "../service/alerts/webhooks.ts";

const path = "/provisioning/webhooks";
const scope = "provisioning:admin";

export const createWebhookRoute = route({
  method: "POST",
  path,
  operationId: "createWebhook",
  summary: "Have alerts sent to an address",
  scope,
  body: CreateWebhook,
  response: {
    status: 201,
    description: "The webhook; a secret that was made is shown this once",
    schema: WebhookCreated,
  },
  problems: ["webhook_not_allowed"],
  async handle({ context, caller, body }) {
    return { body: await createWebhook(context, caller, body) };
  },
});

export const listWebhooksRoute = route({
  method: "GET",
  path,
  operationId: "listWebhooks",
  summary: "List webhooks, those of the settings too",
  scope,
  response: { status: 200, description: "All webhooks, the oldest first", schema: WebhookList },
  problems: [],
  async handle({ context }) {
    return { body: await listWebhooks(context) };
  },
});

export const updateWebhookRoute = route({
  method: "PATCH",
  path: `${path}/:id`,
  operationId: "updateWebhook",
  summary: "Change a webhook's address or events, or switch it off and on",
  scope,
  body: UpdateWebhook,
  response: { status: 200, description: "The webhook", schema: WebhookView },
  problems: ["webhook_not_found", "webhook_not_allowed", "webhook_from_settings", "webhook_busy"],
  async handle({ context, caller, params, body }) {
    return { body: await updateWebhook(context, caller, params.id!, body) };
  },
});

export const deleteWebhookRoute = route({
  method: "DELETE",
  path: `${path}/:id`,
  operationId: "deleteWebhook",
  summary: "Delete a webhook and what waits to be sent to it",
  scope,
  response: { status: 200, description: "That it is deleted", schema: WebhookDeleted },
  problems: ["webhook_not_found", "webhook_from_settings"],
  async handle({ context, caller, params }) {
    return { body: await deleteWebhook(context, caller, params.id!) };
  },
});

export const testWebhookRoute = route({
  method: "POST",
  path: `${path}/:id/test`,
  operationId: "testWebhook",
  summary: "Send a test event now, once",
  scope,
  response: { status: 200, description: "What came of it", schema: WebhookTested },
  problems: ["webhook_not_found"],
  async handle({ context, caller, params }) {
    return { body: await testWebhook(context, caller, params.id!) };
  },
});

export const rotateWebhookSecretRoute = route({
  method: "POST",
  path: `${path}/:id/rotate-secret`,
  operationId: "rotateWebhookSecret",
  summary: "Sign with a new secret; for a while with the old one as well",
  scope,
  body: RotateWebhookSecret,
  bodyOptional: true,
  response: {
    status: 200,
    description: "The webhook, and the secret that was made, this once",
    schema: WebhookCreated,
  },
  problems: ["webhook_not_found", "webhook_from_settings", "webhook_busy"],
  async handle({ context, caller, params, body }) {
    return { body: await rotateWebhookSecret(context, caller, params.id!, body) };
  },
});

export const listDeliveriesRoute = route({
  method: "GET",
  path: `${path}/:id/deliveries`,
  operationId: "listWebhookDeliveries",
  summary: "A webhook's deliveries of the last seven days, the newest first",
  scope,
  query: z.extend(PageQuery, {
    cursor: z.optional(z.string().check(z.regex(/^\d{1,15}\.\w{1,64}$/, "is no cursor of this list"))),
  }),
  response: { status: 200, description: "One page", schema: DeliveryPage },
  problems: ["webhook_not_found"],
  async handle({ context, params, query }) {
    return { body: await listDeliveries(context, params.id!, query) };
  },
});

export const resendDeliveryRoute = route({
  method: "POST",
  path: `${path}/:id/deliveries/:messageId/resend`,
  operationId: "resendWebhookDelivery",
  summary: "Send a delivery again, under the same webhook-id",
  scope,
  response: { status: 202, description: "It is sent soon", schema: DeliveryResent },
  problems: ["webhook_not_found", "delivery_not_found"],
  async handle({ context, caller, params }) {
    return { body: await resendDelivery(context, caller, params.id!, params.messageId!) };
  },
});
