import type { CreateWebhook, WebhookFormat } from "../../schema/webhook.ts";
import { wordsOf } from "./typed.ts";

/** A new webhook, from the texts of its form. */
export function webhookBody({
  url,
  events,
  format,
  secret,
}: {
  url: string;
  events: string;
  format: WebhookFormat;
  secret: string;
}): CreateWebhook {
  const chosen = wordsOf(events);
  return {
    url: url.trim(),
    format,
    ...(chosen.length > 0 && { events: chosen }),
    // A token that was typed before another format was chosen is in no field that anybody sees.
    ...(format === "openclaw" && secret !== "" && { secret }),
  };
}
