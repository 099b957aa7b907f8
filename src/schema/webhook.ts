import * as z from "zod/mini";
import { defaultEvents, isAlertPattern } from "../domain/alert-types.ts";
import { isPlainWebhookUrl } from "../domain/webhook-address.ts";
import { GraceSeconds, printable, Timestamp, wellFormed } from "./primitives.ts";

export const webhookFormats = ["standard", "slack", "discord", "teams", "alertmanager", "openclaw"] as const;
export const WebhookFormat = z
  .enum(webhookFormats, { error: `must be one of ${webhookFormats.join(", ")}` })
  .register(z.globalRegistry, { id: "WebhookFormat", description: "The shape of a delivery's body" });
export type WebhookFormat = z.infer<typeof WebhookFormat>;

/** The address of deliveries. A query is part of it: Teams has its signature there. */
const WebhookUrl = z
  .string()
  .check(
    z.maxLength(2048),
    wellFormed,
    z.refine(
      isPlainWebhookUrl,
      "must be an https URL without credentials and fragment, written as https://host/path?query",
    ),
  );

const WebhookEvents = z
  .array(
    z
      .string()
      .check(
        z.refine(isAlertPattern, 'is no event; see docs/alerts.md for their names, of which "quota.*" covers several'),
      ),
  )
  .check(z.minLength(1, "name at least one event, or leave it out"), z.maxLength(50))
  .register(z.globalRegistry, { description: `Default: ${defaultEvents.join(", ")}` });

const secret = z.string().check(z.minLength(1, "must not be empty"), z.maxLength(1024), printable);

/** 24 to 64 bytes; with padding that fits, or with none. */
const signing = /^whsec_(?=[A-Za-z0-9+/]{32,86}=*$)([A-Za-z0-9+/]{4})+([A-Za-z0-9+/]{2}(==)?|[A-Za-z0-9+/]{3}=?)?$/;
/** A signing secret of Standard Webhooks: one that nobody can decode would sign nothing. */
export const isSigningSecret = (text: string): boolean => signing.test(text);
export const signingSecretFault = 'must be "whsec_" and 24 to 64 bytes in base64, or be left out: one is made then';

interface Secretive {
  format?: WebhookFormat | undefined;
  secret?: string | undefined;
}
const fitsFormat = ({ format, secret: own }: Secretive): boolean =>
  format === "openclaw" || own === undefined || isSigningSecret(own);
const hasHookToken = ({ format, secret: own }: Secretive): boolean => format !== "openclaw" || own !== undefined;
const hookTokenFault = "is needed for the format openclaw: the token of the gateway's hooks (hooks.token)";

const given = {
  url: WebhookUrl,
  events: z.optional(WebhookEvents),
  format: z.optional(WebhookFormat),
};

/** Default format: `standard`. */
export const CreateWebhook = z
  .strictObject({
    ...given,
    /** `openclaw`: the gateway's hook token. Else a `whsec_...` of one's own; absent: one is made, and shown once. */
    secret: z.optional(secret),
  })
  .check(
    z.refine(fitsFormat, { path: ["secret"], error: signingSecretFault }),
    z.refine(hasHookToken, { path: ["secret"], error: hookTokenFault }),
  )
  .register(z.globalRegistry, { id: "CreateWebhook" });
export type CreateWebhook = z.infer<typeof CreateWebhook>;

/** The same in settings, where the secret may be sealed. */
export const WebhookSetting = z.strictObject({ ...given, secret: z.optional(secret) }).check(
  z.refine((one) => fitsFormat(one) || one.secret!.includes(".."), { path: ["secret"], error: signingSecretFault }),
  z.refine(hasHookToken, { path: ["secret"], error: hookTokenFault }),
);
export type WebhookSetting = z.infer<typeof WebhookSetting>;

export const UpdateWebhook = z
  .strictObject({ url: z.optional(WebhookUrl), events: z.optional(WebhookEvents), disabled: z.optional(z.boolean()) })
  .register(z.globalRegistry, { id: "UpdateWebhook" });
export type UpdateWebhook = z.infer<typeof UpdateWebhook>;

export const RotateWebhookSecret = z
  .strictObject({
    /** The time for which deliveries are signed with the old secret too. Default 86,400. */
    graceSeconds: z.optional(GraceSeconds),
    /** Taken in place of one that is made; needed for the format openclaw. */
    secret: z.optional(secret),
  })
  .register(z.globalRegistry, { id: "RotateWebhookSecret" });
export type RotateWebhookSecret = z.infer<typeof RotateWebhookSecret>;

const disabledReasons = ["operator", "gone", "failing"] as const;

export const WebhookRecord = z.object({
  id: z.string(),
  url: z.string(),
  events: z.array(z.string()),
  format: WebhookFormat,
  /** The place where it is written down: `settings` come from config.json, and change there. */
  source: z.enum(["api", "settings"]),
  /** Compact JWE. */
  sealedSecret: z.string(),
  /** Rotated away, and used for signing beside the other until then. */
  previous: z.optional(z.object({ sealedSecret: z.string(), until: Timestamp })),
  createdAt: Timestamp,
  disabledAt: z.optional(Timestamp),
  disabledReason: z.optional(z.enum(disabledReasons)),
  /** When it was last switched on again. */
  enabledAt: z.optional(Timestamp),
});
export type WebhookRecord = z.infer<typeof WebhookRecord>;

export const WebhookView = z
  .object({
    id: z.string(),
    url: z.string(),
    events: z.array(z.string()),
    format: WebhookFormat,
    source: z.enum(["api", "settings"]),
    status: z.enum(["active", "disabled"]),
    createdAt: Timestamp,
    disabledAt: z.optional(Timestamp),
    /** `operator` switched it off; it answered 410 (`gone`); its last retry failed (`failing`). */
    disabledReason: z.optional(z.enum(disabledReasons)),
    /** Until when deliveries are signed with the secret before, too. */
    previousSecretUntil: z.optional(Timestamp),
  })
  .register(z.globalRegistry, { id: "Webhook" });
export type WebhookView = z.infer<typeof WebhookView>;

/** `secret` is there where one was made: this once. */
export const WebhookCreated = z
  .extend(WebhookView, { secret: z.optional(z.string()) })
  .register(z.globalRegistry, { id: "WebhookCreated" });
export type WebhookCreated = z.infer<typeof WebhookCreated>;

export const WebhookList = z
  .object({ webhooks: z.array(WebhookView) })
  .register(z.globalRegistry, { id: "WebhookList" });

/** Why an attempt brought no status. */
const deliveryErrors = ["timeout", "connection", "address_refused", "secret_unopenable"] as const;

export const DeliveryView = z
  .object({
    /** The `webhook-id` of every attempt. */
    messageId: z.string(),
    type: z.string(),
    createdAt: Timestamp,
    state: z.enum(["pending", "delivered", "failed", "dropped"]),
    attempts: z.int(),
    lastAttemptAt: z.optional(Timestamp),
    /** The last attempt's status. */
    status: z.optional(z.int()),
    error: z.optional(z.enum(deliveryErrors)),
    ms: z.optional(z.int()),
    nextAttemptAt: z.optional(Timestamp),
  })
  .register(z.globalRegistry, { id: "WebhookDelivery" });
export type DeliveryView = z.infer<typeof DeliveryView>;

export const DeliveryPage = z
  .object({ deliveries: z.array(DeliveryView), nextCursor: z.optional(z.string()) })
  .register(z.globalRegistry, { id: "WebhookDeliveryPage" });

export const WebhookTested = z
  .object({
    messageId: z.string(),
    delivered: z.boolean(),
    status: z.optional(z.int()),
    error: z.optional(z.enum(deliveryErrors)),
    ms: z.int(),
  })
  .register(z.globalRegistry, { id: "WebhookTested" });
export type WebhookTested = z.infer<typeof WebhookTested>;

export const WebhookDeleted = z
  .object({ id: z.string(), deleted: z.boolean() })
  .register(z.globalRegistry, { id: "WebhookDeleted" });

export const DeliveryResent = z
  .object({ messageId: z.string(), state: z.literal("pending") })
  .register(z.globalRegistry, { id: "WebhookDeliveryResent" });
