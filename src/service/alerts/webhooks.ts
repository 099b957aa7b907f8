import { defaultEvents } from "../../domain/alert-types.ts";
import { newKeyId } from "../../domain/token.ts";
import { Problem } from "../../errors.ts";
import {
  type CreateWebhook,
  isSigningSecret,
  type RotateWebhookSecret,
  signingSecretFault,
  type UpdateWebhook,
  type WebhookCreated,
  type WebhookRecord,
  type WebhookView,
} from "../../schema/webhook.ts";
import { auditedChange } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { storeSealed } from "../secrets/store-sealed.ts";
import { settingOf, withSettings } from "./settings-webhooks.ts";
import { newSigningSecret } from "./sign-webhook.ts";
import { sealWebhookSecret } from "./webhook-secret.ts";

const defaultGraceSeconds = 86_400;
/** Each alert is a delivery to each of them. */
const mostWebhooks = 50;

/** Those of the API and those of the settings, the oldest first. */
export async function allWebhooks(context: Context): Promise<WebhookRecord[]> {
  const { items } = await context.records.list("webhooks");
  // Lists may lag where single records do not.
  const current = await Promise.all(items.map(({ id }) => context.records.get("webhooks", id)));
  const all = await withSettings(
    context,
    current.filter((record) => record !== undefined),
  );
  return all.sort((a, b) => a.createdAt.localeCompare(b.createdAt) || a.id.localeCompare(b.id));
}

/** The API's and the settings', the oldest first, without their secrets. */
export async function listWebhooks(context: Context): Promise<{ webhooks: WebhookView[] }> {
  return { webhooks: (await allWebhooks(context)).map((record) => webhookView(context, record)) };
}

/** @throws Problem `webhook_not_allowed` */
export async function createWebhook(context: Context, caller: Caller, body: CreateWebhook): Promise<WebhookCreated> {
  await context.webhooks.check(body.url);
  const { items } = await context.records.list("webhooks");
  if (items.length >= mostWebhooks) {
    const detail = `There are ${mostWebhooks} webhooks, which is as many as there may be; delete one first.`;
    throw new Problem("webhook_not_allowed", detail);
  }
  const id = newKeyId(context.crypto.randomBytes);
  const secret = body.secret ?? newSigningSecret(context.crypto.randomBytes);
  const events = [...new Set(body.events ?? defaultEvents)];
  const format = body.format ?? "standard";
  const createdAt = new Date(context.clock.now()).toISOString();
  const sealed = async (): Promise<WebhookRecord> => ({
    id,
    url: body.url,
    events,
    format,
    source: "api",
    sealedSecret: await sealWebhookSecret(context, id, secret),
    createdAt,
  });
  const details = { host: new URL(body.url).host, events, format };
  const change = { action: "webhook.create", target: id, details };
  const record = await auditedChange(context, caller, change, async () => {
    const store = (next: WebhookRecord) => context.records.set("webhooks", id, next);
    return await storeSealed(context, { sealed, store, jweOf: ({ sealedSecret }) => sealedSecret });
  });
  return { ...webhookView(context, record), ...(body.secret === undefined && { secret }) };
}

/** @throws Problem `webhook_not_found`, `webhook_not_allowed`, `webhook_from_settings`, `webhook_busy` */
export async function updateWebhook(
  context: Context,
  caller: Caller,
  id: string,
  { disabled, ...change }: UpdateWebhook,
): Promise<WebhookView> {
  const before = await requireWebhook(context, id);
  if (Object.keys(change).length > 0) refuseOfSettings(before, "its address and events change there");
  if (change.url !== undefined) await context.webhooks.check(change.url);
  const details = {
    ...(change.url !== undefined && { host: new URL(change.url).host }),
    ...(change.events && { events: change.events }),
    ...(disabled !== undefined && { disabled }),
  };
  return await auditedChange(context, caller, { action: "webhook.update", target: id, details }, async () => {
    const changedAt = new Date(context.clock.now()).toISOString();
    const next = await changeWebhook(context, id, ({ disabledAt: since, disabledReason, ...record }) => ({
      ...record,
      ...change,
      ...(disabled === undefined && since !== undefined && { disabledAt: since, disabledReason }),
      ...(disabled && { disabledAt: since ?? changedAt, disabledReason: disabledReason ?? "operator" }),
      ...(disabled === false && since !== undefined && { enabledAt: changedAt }),
    }));
    return webhookView(context, next);
  });
}

/** @throws Problem `webhook_not_found`, `webhook_from_settings` */
export async function deleteWebhook(
  context: Context,
  caller: Caller,
  id: string,
): Promise<{ id: string; deleted: boolean }> {
  const record = await requireWebhook(context, id);
  refuseOfSettings(record, "remove it there");
  return await auditedChange(context, caller, { action: "webhook.delete", target: id }, async () => {
    await context.records.remove("webhooks", id);
    await context.outbox.discard(id);
    return { id, deleted: true };
  });
}

/** @throws Problem `webhook_not_found`, `webhook_from_settings`, `invalid_body`, `webhook_busy` */
export async function rotateWebhookSecret(
  context: Context,
  caller: Caller,
  id: string,
  { graceSeconds = defaultGraceSeconds, secret: given }: RotateWebhookSecret,
): Promise<WebhookCreated> {
  const { format, source } = await requireWebhook(context, id);
  if (source === "settings" && (await settingOf(context, id))?.secret !== undefined) {
    throw new Problem("webhook_from_settings", `The secret of ${id} stands in the settings; change it there.`);
  }
  if (format === "openclaw" ? given === undefined : given !== undefined && !isSigningSecret(given)) {
    const message = format === "openclaw" ? "is needed: the gateway's new hook token" : signingSecretFault;
    throw new Problem("invalid_body", `secret ${message}`, { errors: [{ path: "secret", message }] });
  }
  const secret = given ?? newSigningSecret(context.crypto.randomBytes);
  const change = { action: "webhook.rotate-secret", target: id, details: { graceSeconds } };
  return await auditedChange(context, caller, change, async () => {
    const until = new Date(context.clock.now() + graceSeconds * 1000).toISOString();
    const next = await changeWebhook(context, id, async ({ previous: _, ...record }) => ({
      ...record,
      sealedSecret: await sealWebhookSecret(context, id, secret),
      ...(graceSeconds > 0 && format !== "openclaw" && { previous: { sealedSecret: record.sealedSecret, until } }),
    }));
    return { ...webhookView(context, next), ...(given === undefined && { secret }) };
  });
}

/** @throws Problem `webhook_not_found` */
export async function requireWebhook(context: Context, id: string): Promise<WebhookRecord> {
  const record = await findWebhook(context, id);
  if (record) return record;
  throw new Problem(
    "webhook_not_found",
    `There is no webhook "${id.slice(0, 64)}"; "webhooks list" shows those there are.`,
  );
}

/** One of the API or of the settings; `undefined` where neither has it. */
export async function findWebhook(context: Context, id: string): Promise<WebhookRecord | undefined> {
  const record = await context.records.get("webhooks", id);
  if (record?.source === "api") return record;
  // One of the settings is first written down when it is first asked for.
  if ((await settingOf(context, id)) === undefined) return undefined;
  const [found] = await withSettings(context, record ? [record] : [], id);
  return found;
}

const mostTurns = 5;

/** @throws Problem `webhook_busy` where others change it all the time, `webhook_not_found` where it is gone */
export async function changeWebhook(
  context: Context,
  id: string,
  change: (record: WebhookRecord) => WebhookRecord | Promise<WebhookRecord>,
): Promise<WebhookRecord> {
  for (let turn = 0; turn < mostTurns; turn++) {
    const record = await requireWebhook(context, id);
    const next = await change(record);
    const isSame = (now: WebhookRecord | undefined) => JSON.stringify(now) === JSON.stringify(record);
    if (await context.records.replace("webhooks", id, isSame, next)) return next;
  }
  throw new Problem("webhook_busy", `The webhook ${id} is being changed; try again in a moment.`, {
    headers: { "retry-after": "1" },
  });
}

function refuseOfSettings({ id, source }: WebhookRecord, remedy: string): void {
  if (source !== "settings") return;
  throw new Problem("webhook_from_settings", `The webhook ${id} stands in gateway.provisioning.webhooks; ${remedy}.`);
}

function webhookView(context: Context, record: WebhookRecord): WebhookView {
  const { sealedSecret: _, enabledAt: __, previous, ...shown } = record;
  const isLive = previous !== undefined && Date.parse(previous.until) > context.clock.now();
  return {
    ...shown,
    status: record.disabledAt === undefined ? "active" : "disabled",
    ...(isLive && { previousSecretUntil: previous.until }),
  };
}
