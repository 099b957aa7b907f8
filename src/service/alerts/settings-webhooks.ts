import { defaultEvents } from "../../domain/alert-types.ts";
import { isProblem } from "../../errors.ts";
import type { WebhookRecord, WebhookSetting } from "../../schema/webhook.ts";
import type { Context } from "../context.ts";
import { openConfigSecret } from "../secrets/config-secret.ts";
import { newSigningSecret } from "./sign-webhook.ts";
import { openWebhookSecret, sealWebhookSecret } from "./webhook-secret.ts";

const idLength = 16;

/** The address is what tells one from another; its id is the same at every instance. */
const idOf = async (context: Context, { url }: WebhookSetting): Promise<string> =>
  `settings-${(await context.crypto.sha256(url)).slice(0, idLength)}`;

/** The settings' webhooks by id. */
const inSettings = async (context: Context): Promise<{ id: string; setting: WebhookSetting }[]> =>
  await Promise.all(
    context.settings.provisioning.webhooks.endpoints.map(async (setting) => ({
      id: await idOf(context, setting),
      setting,
    })),
  );

/** Those of the settings that are not among all that can be told: their secrets do not open. */
export const unopenableSettings = async (
  context: Context,
  all: readonly WebhookRecord[],
): Promise<readonly WebhookSetting[]> =>
  (await inSettings(context)).filter(({ id }) => !all.some((one) => one.id === id)).map(({ setting }) => setting);

/** As the settings have it now; `undefined` where they no longer name it, and for webhooks of the API. */
export async function settingOf(context: Context, id: string): Promise<WebhookSetting | undefined> {
  if (!id.startsWith("settings-")) return undefined;
  return (await inSettings(context)).find((one) => one.id === id)?.setting;
}

/**
 * The stored webhooks with those of the settings, each as the settings have it now. The state of these (the secret
 * where none is given, whether it is switched off) is stored. A webhook that left the settings is forgotten.
 *
 * @param only the one that is asked for
 */
export async function withSettings(
  context: Context,
  stored: readonly WebhookRecord[],
  only?: string,
): Promise<WebhookRecord[]> {
  const wanted = await inSettings(context);
  const kept: WebhookRecord[] = [];
  for (const record of stored) {
    if (record.source === "api") kept.push(record);
    else if (!wanted.some(({ id }) => id === record.id)) await forget(context, record);
  }
  for (const { id, setting } of wanted) {
    if (only !== undefined && id !== only) continue;
    const before = stored.find((record) => record.id === id);
    try {
      kept.push(await asSet(context, id, setting, before));
    } catch (error) {
      // The others are told all the same.
      if (!isProblem(error, "secret_unopenable")) throw error;
      context.log("error", "a webhook's secret in the settings cannot be opened", { webhook: id, cause: error });
    }
  }
  return kept;
}

async function forget(context: Context, { id }: WebhookRecord): Promise<void> {
  await context.records.remove("webhooks", id);
  await context.outbox.discard(id);
}

async function asSet(
  context: Context,
  id: string,
  { url, events = [...defaultEvents], format = "standard", secret: given }: WebhookSetting,
  stored: WebhookRecord | undefined,
): Promise<WebhookRecord> {
  const secret = given === undefined ? undefined : await openConfigSecret(context, given);
  // A gateway's hook token signs nothing.
  const isKept = secret === undefined && (stored?.format !== "openclaw" || format === "openclaw");
  const isSecretSame =
    isKept || (secret !== undefined && stored !== undefined && (await holds(context, stored, secret)));
  const isSame =
    stored?.url === url && stored.format === format && JSON.stringify(stored.events) === JSON.stringify(events);
  if (stored && isSame && isSecretSame) return stored;
  const made = secret ?? newSigningSecret(context.crypto.randomBytes);
  const next: WebhookRecord = {
    createdAt: new Date(context.clock.now()).toISOString(),
    ...stored,
    id,
    url,
    events: [...events],
    format,
    source: "settings",
    sealedSecret: stored && isSecretSame ? stored.sealedSecret : await sealWebhookSecret(context, id, made),
  };
  const isUnchanged = (now: WebhookRecord | undefined) => JSON.stringify(now) === JSON.stringify(stored);
  if (await context.records.replace("webhooks", id, isUnchanged, next)) return next;
  // Another instance came first, with the same settings.
  return (await context.records.get("webhooks", id)) ?? next;
}

/** One that does not open is another: it was sealed under a key that is gone, and is stored anew. */
async function holds(context: Context, { id, sealedSecret }: WebhookRecord, secret: string): Promise<boolean> {
  try {
    return (await openWebhookSecret(context, id, sealedSecret)) === secret;
  } catch (error) {
    if (!isProblem(error, "secret_unopenable")) throw error;
    return false;
  }
}
