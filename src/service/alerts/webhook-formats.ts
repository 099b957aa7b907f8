import { type AlertData, alertSeverity, alertText } from "../../domain/alert-text.ts";
import { isToldOf } from "../../domain/alert-types.ts";
import type { WebhookFormat, WebhookRecord } from "../../schema/webhook.ts";
import { incidentMemoryMs } from "./incidents.ts";

export interface Alert {
  type: string;
  /** ISO 8601. */
  timestamp: string;
  data: AlertData;
  /** What it tells may have been over for hours: people are told of when it is. */
  isLate?: boolean;
}

const titleOf = ({ type }: Alert): string => `[${alertSeverity(type)}] ${type}`;
const sentenceOf = ({ type, timestamp, data, isLate }: Alert): string =>
  `${alertText(type, data)}${isLate ? ` (${timestamp.slice(0, 16).replace("T", " ")} UTC)` : ""}`;
const linkOf = ({ data }: Alert): string | undefined =>
  typeof data.console === "string" ? data.console : typeof data.deployment === "string" ? data.deployment : undefined;

/**
 * Names are strangers' texts: none becomes a link, a mention or markup. Addresses and `@channel` have no escape of their
 * own, and are parted by a space that is not seen.
 */
const parted = (text: string): string => text.replace(/:(?=\/\/)|@/g, "$&\u200b");
const forSlack = (text: string): string =>
  parted(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const forMarkdown = (text: string): string => parted(text.replace(/[\\`*_~|<>[\]()#@]/g, "\\$&"));

/** The event that ends another one. */
const ends: Record<string, string> = {
  "provider.recovered": "provider.failing",
  "gateway.recovered": "gateway.unreachable",
};
const isEnded: ReadonlySet<string> = new Set(Object.values(ends));
/** Alertmanager has an alert open until it is told of its end, whatever else the webhook subscribed to. */
export const endsAlert = ({ format }: Pick<WebhookRecord, "format">, type: string): boolean =>
  format === "alertmanager" && type in ends;
export const isTold = (webhook: Pick<WebhookRecord, "events" | "format">, type: string): boolean =>
  isToldOf(webhook.events, type) || (endsAlert(webhook, type) && isToldOf(webhook.events, ends[type]!));

/** Those that tell one subject's alert from another's; what changes between two events of one subject stands apart. */
const labelNames = ["agentId", "keyId", "quota", "aiProviderId", "gateway", "webhookId", "deployment"];

/** An alert without an end is over for Alertmanager after five minutes: an incident's is as far away as it may last. */
function endOf({ type, timestamp, data }: Alert, isOver: boolean): unknown {
  if (type in ends || isOver) return timestamp;
  if (isEnded.has(type)) return new Date(Date.parse(timestamp) + incidentMemoryMs).toISOString();
  if (typeof data.resetAt !== "string") return undefined;
  // A charge of last month's quota may come after its reset, and an end before the begin is refused.
  return data.resetAt > timestamp ? data.resetAt : timestamp;
}

function alertmanager(alert: Alert, isOver: boolean): object[] {
  const { type, timestamp, data } = alert;
  const alertname = ends[type] ?? type;
  const labels = Object.fromEntries(
    labelNames.flatMap((name) => (typeof data[name] === "string" ? [[name, data[name]]] : [])),
  );
  const endsAt = endOf(alert, isOver);
  return [
    {
      labels: { alertname, severity: alertSeverity(alertname), ...labels },
      annotations: { summary: alertText(type, data) },
      startsAt: timestamp,
      ...(endsAt !== undefined && { endsAt }),
      ...(linkOf(alert) !== undefined && { generatorURL: linkOf(alert) }),
    },
  ];
}

function teams(alert: Alert): object {
  const text = (value: string, rest: object = {}) => ({
    type: "TextBlock",
    text: forMarkdown(value),
    wrap: true,
    ...rest,
  });
  const url = linkOf(alert);
  const content = {
    $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
    type: "AdaptiveCard",
    version: "1.4",
    body: [text(titleOf(alert), { weight: "Bolder" }), text(sentenceOf(alert))],
    ...(url !== undefined && { actions: [{ type: "Action.OpenUrl", title: "Open", url }] }),
  };
  return { type: "message", attachments: [{ contentType: "application/vnd.microsoft.card.adaptive", content }] };
}

/** https://docs.openclaw.ai: `/hooks/wake` takes a text, `/hooks/agent` (and what is mapped below) a message. */
function openclaw(alert: Alert, url: string): object {
  const text = `${titleOf(alert)}: ${sentenceOf(alert)}`;
  return /\/agent\/?$/.test(new URL(url).pathname)
    ? { message: text, name: "Provisioning alert", wakeMode: "now", deliver: true }
    : { text, mode: "now" };
}

/**
 * The body of a delivery, as its receiver takes it.
 *
 * @param isOver what it tells of has ended by now
 */
export function bodyOf(format: WebhookFormat, alert: Alert, url: string, isOver = false): string {
  const text = `${titleOf(alert)}: ${sentenceOf(alert)}`;
  switch (format) {
    case "standard":
      return JSON.stringify({ ...alert, isLate: undefined });
    case "slack":
      return JSON.stringify({ text: forSlack(text) });
    case "discord":
      return JSON.stringify({ content: forMarkdown(text).slice(0, 2000), allowed_mentions: { parse: [] } });
    case "teams":
      return JSON.stringify(teams(alert));
    case "alertmanager":
      return JSON.stringify(alertmanager(alert, isOver));
    case "openclaw":
      return JSON.stringify(openclaw(alert, url));
    default:
      return format satisfies never;
  }
}
