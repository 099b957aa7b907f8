import { type AlertSeverity, alertTypes } from "./alert-types.ts";
import { dollars } from "./micro-usd.ts";

export type AlertData = Readonly<Record<string, unknown>>;

const grouped = (value: unknown): string => (typeof value === "number" ? value.toLocaleString("en-US") : String(value));
/** A quota of money is in USD. */
const amount = ({ quota }: AlertData, value: unknown): string =>
  typeof value === "number" && /usd/i.test(String(quota)) ? dollars(value) : grouped(value);
const day = (value: unknown): string => String(value).slice(0, 16).replace("T", " ");
const reset = ({ resetAt }: AlertData): string => (resetAt === undefined ? "" : `; it resets at ${day(resetAt)} UTC`);
const days = ({ days: count }: AlertData): string => (count === 1 ? "in 1 day" : `in ${count} days`);
const because = ({ detail }: AlertData): string => (detail === undefined ? "" : `: ${detail}`);

const texts: Record<string, (data: AlertData) => string> = {
  "quota.threshold_reached": (data) =>
    `${data.agentId === undefined ? "An agent that is deleted by now" : `Agent ${data.agentId}`} has used ${amount(data, data.used)} of ${amount(data, data.limit)} (${data.percent} %) of ${data.quota}${reset(data)}.`,
  "quota.exhausted": (data) =>
    `Agent ${data.agentId} is refused: ${amount(data, data.left)} of ${amount(data, data.limit)} of ${data.quota} are left${reset(data)}.`,
  "quota.raised": (data) => `Agent ${data.agentId} may spend more: ${String(data.quotas)} was raised.`,
  "ai_key.expiring": (data) =>
    `The AI key of agent ${data.agentId} expires ${days(data)}, at ${day(data.expiresAt)} UTC.`,
  "ai_key.rotated": (data) => `The AI key of agent ${data.agentId} was rotated.`,
  "ai_key.suspended": (data) => `The AI key of agent ${data.agentId} was suspended.`,
  "ai_key.resumed": (data) => `The AI key of agent ${data.agentId} works again.`,
  "provisioning_key.expiring": (data) =>
    `The provisioning key "${data.name}" expires ${days(data)}, at ${day(data.expiresAt)} UTC.`,
  "provisioning_key.created": (data) => `The provisioning key ${data.keyId} was created.`,
  "provisioning_key.revoked": (data) => `The provisioning key ${data.keyId} was revoked.`,
  "provisioning_key.rotated": (data) => `The provisioning key ${data.keyId} was rotated.`,
  "provisioning_key.unused": (data) => `The provisioning key "${data.name}" was not used for ${data.days} days.`,
  "provider.failing": (data) => `The AI provider "${data.name}" fails${because(data)}.`,
  "provider.recovered": (data) =>
    `The AI provider "${data.name}" ${data.detail === undefined ? "works again" : `fails no more${because(data)}`}.`,
  "provider.revoked": (data) => `The AI provider ${data.aiProviderId} was revoked.`,
  "agent.created": (data) => `Agent ${data.agentId} was created.`,
  "agent.deleted": (data) => `Agent ${data.agentId} was deleted.`,
  "agent.failed": (data) => `Agent ${data.agentId} could not be made (${data.code}).`,
  "audit.broken": (data) => `The audit trail is broken at line ${data.line}${because(data)}.`,
  "audit.unwritable": () => "The audit trail cannot be written: changes are refused until it can.",
  "revocation.stuck": (data) =>
    `A minted key of agent ${data.agentId} could not be revoked for over an hour${because(data)}.`,
  "gateway.unreachable": (data) => `The gateway ${data.gateway} does not answer.`,
  "gateway.recovered": (data) =>
    `The gateway ${data.gateway} ${data.detail === undefined ? "answers again" : `is missed no more${because(data)}`}.`,
  "spend.unpriced_model": (data) => `The model ${data.model} of ${data.provider} has no price, and was refused.`,
  "webhook.disabled": (data) => `The webhook ${data.webhookId} (${data.host}) was switched off: it ${data.reason}.`,
  "webhook.test": () => "A test: webhooks from this deployment arrive here.",
};

/** One sentence for people. */
export const alertText = (type: string, data: AlertData): string => texts[type]?.(data) ?? `Event ${type}.`;

/** `info` for a type that this release does not know. */
export const alertSeverity = (type: string): AlertSeverity =>
  (alertTypes as Record<string, AlertSeverity | undefined>)[type] ?? "info";
