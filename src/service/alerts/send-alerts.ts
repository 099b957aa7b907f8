import { mostAttempts, retryAfterMs, retryDelayMs } from "../../domain/delivery-schedule.ts";
import type { Due } from "../../ports.ts";
import type { WebhookRecord } from "../../schema/webhook.ts";
import type { Context } from "../context.ts";
import { type Attempted, attemptDelivery, deliveryLeaseMs, isDelivered } from "./attempt-delivery.ts";
import { describeThreshold } from "./describe-threshold.ts";
import { disableWebhook } from "./disable-webhook.ts";
import { describeExpiry } from "./expiry-alerts.ts";
import { incidentStage } from "./incidents.ts";
import { messageIdOf } from "./raise-alert.ts";
import { isStillTrue } from "./still-true.ts";
import { endsAlert, isTold } from "./webhook-formats.ts";
import { allWebhooks, findWebhook } from "./webhooks.ts";

const mostAtOnce = 96;
/** The bound at one endpoint: a slow one must not keep the others waiting. */
const mostAtOneEndpoint = 16;
const takenAtOnce = 32;
/** How often an end that an Alertmanager has still to be told of asks whether that is switched on again. */
const offLookMs = 300_000;
/** The longest time for which one that asked for a pause is asked nothing at all. */
const mostPauseMs = 600_000;

type DueDelivery = Extract<Due, { kind: "delivery" }>;

export interface AlertSender {
  /**
   * Sends what is due. Resolves when nothing is, `stop` says so or it has taken as much as it may; rejects where the
   * outbox cannot be used.
   */
  run(stop?: AbortSignal): Promise<void>;
  /** Endpoints that asked for a pause, and until when. */
  pauses(): ReadonlyMap<string, number>;
}

/**
 * Takes what waits in the outbox to its receivers. Several of these, in any number of processes, share the work.
 *
 * @param mostTaken alerts and deliveries that one run may take
 */
export function createAlertSender(context: Context, mostTaken = Number.POSITIVE_INFINITY): AlertSender {
  const { outbox, clock, log } = context;
  const pausedUntil = new Map<string, number>();
  const random = () => context.crypto.randomBytes(1)[0]! / 255;

  type Webhooks = () => Promise<WebhookRecord[]>;

  async function spread({ message, lease }: Extract<Due, { kind: "message" }>, webhooks: Webhooks): Promise<void> {
    const isTrue = await isStillTrue(context, message);
    const told = isTrue ? (await webhooks()).filter((one) => isTold(one, message.type)) : [];
    const isReached = (one: WebhookRecord) => one.disabledAt === undefined || endsAlert(one, message.type);
    const endpoints = told.filter(isReached).map(({ id }) => id);
    const messageId = await messageIdOf(context, message.cause);
    const isThreshold = message.type === "quota.threshold_reached";
    const data = isThreshold ? await describeThreshold(context, message) : describeExpiry(context, message);
    await outbox.spread(message.cause, lease, messageId, endpoints, data);
  }

  async function deliver(due: DueDelivery, stop: AbortSignal | undefined): Promise<void> {
    const webhook = await findWebhook(context, due.endpoint);
    if (webhook === undefined && (await context.records.get("webhooks", due.endpoint))) {
      // The settings of another instance know it, or its secret does not open until they are mended.
      return await outbox.record(due, { state: "pending", dueAt: clock.now() + deliveryLeaseMs });
    }
    // Alertmanager takes what comes last for what is: an incident that is open would be over by news of one before it.
    const stage = webhook?.format === "alertmanager" ? await incidentStage(context, due.message) : undefined;
    const isOff = webhook?.disabledAt !== undefined;
    const waits = webhook !== undefined && endsAlert(webhook, due.message.type);
    if (webhook === undefined || (isOff && !waits) || stage === "overtaken") {
      return await outbox.record(due, { state: "dropped" });
    }
    if (isOff) return await outbox.record(due, { state: "pending", dueAt: clock.now() + offLookMs });
    let attempt: Attempted;
    try {
      attempt = await attemptDelivery(context, webhook, { ...due, isOver: stage === "over" }, stop);
    } catch (cause) {
      // The process stops: another, or the next one, makes the attempt that this one has not made.
      await outbox.record(due, { state: "pending", dueAt: clock.now() });
      throw cause;
    }
    if (isDelivered(attempt)) return await outbox.record(due, { state: "delivered" }, attempt);
    const attempts = due.attempts + 1;
    const isGone = attempt.status === 410;
    const isTest = due.message.type === "webhook.test";
    if (isTest || isGone || attempts >= mostAttempts) {
      if (!isTest && !(await disableWebhook(context, webhook, isGone ? "gone" : "failing")))
        return await outbox.record(due, { state: "pending", dueAt: clock.now() });
      await outbox.record(due, { state: "failed" }, attempt);
      // With all retries before it, once it is switched on again.
      if (waits) await outbox.resend(due.endpoint, due.messageId);
      return;
    }
    const wished = retryAfterMs(attempt.retryAfter, clock.now());
    if (wished > 0) pausedUntil.set(webhook.id, clock.now() + Math.min(wished, mostPauseMs));
    const delay = retryDelayMs(attempts, random(), wished)!;
    await outbox.record(due, { state: "pending", dueAt: clock.now() + delay }, attempt);
  }

  return {
    pauses: () => pausedUntil,

    async run(stop) {
      const active = new Set<Promise<void>>();
      const busy = new Map<string, number>();
      let failure: unknown;
      let left = mostTaken;
      let listed: Promise<WebhookRecord[]> | undefined;
      // Each of all is read by itself: once for the alerts that are taken together.
      const webhooks: Webhooks = () => {
        listed ??= allWebhooks(context);
        return listed;
      };

      function start(due: Due): void {
        const endpoint = due.kind === "delivery" ? due.endpoint : undefined;
        if (endpoint !== undefined) busy.set(endpoint, (busy.get(endpoint) ?? 0) + 1);
        const work = (due.kind === "delivery" ? deliver(due, stop) : spread(due, webhooks))
          .catch((cause: unknown) => {
            if (stop?.aborted) return;
            failure ??= cause;
            log("error", "an alert could not be handled; it is tried again", { type: due.message.type, cause });
          })
          .finally(() => {
            active.delete(work);
            if (endpoint !== undefined) busy.set(endpoint, busy.get(endpoint)! - 1);
          });
        active.add(work);
      }

      while (!stop?.aborted && failure === undefined) {
        const now = clock.now();
        for (const [endpoint, until] of pausedUntil) if (until <= now) pausedUntil.delete(endpoint);
        const full = [...busy].filter(([, count]) => count >= mostAtOneEndpoint).map(([endpoint]) => endpoint);
        const limit = Math.min(takenAtOnce, mostAtOnce - active.size, left);
        const except = [...full, ...pausedUntil.keys()];
        const due = limit > 0 ? await outbox.take({ limit, leaseMs: deliveryLeaseMs, except }) : [];
        left -= due.length;
        listed = undefined;
        for (const one of due) start(one);
        if (due.length > 0) continue;
        if (active.size === 0) return;
        await Promise.race(active);
      }
      await Promise.all(active);
      if (failure !== undefined) throw failure;
    },
  };
}
