import type { ActivityLog, ActivitySample, Clock, Delivery, Due, Outbox, SentMessage } from "../../src/ports.ts";
import type { AlertRows } from "./alert-rows.ts";
import { answered } from "./answered.ts";

/** The `Outbox` in one Durable Object. */
export function createDurableOutbox({
  objects,
  clock,
}: {
  objects: DurableObjectNamespace<AlertRows>;
  clock: Clock;
}): Outbox {
  const object = () => objects.get(objects.idFromName("alerts"));
  const now = () => clock.now();

  return {
    put: (message) => ask(() => object().put(now(), message)),
    take: ({ limit, leaseMs, except = [] }) =>
      ask<Due[]>(() => object().take(now(), limit, leaseMs, except) as PromiseLike<Due[]>),
    spread: (...spread) => ask(() => object().spread(now(), ...spread)),
    begin: (message, messageId, endpoint, leaseMs) =>
      ask(() => object().begin(now(), message, messageId, endpoint, leaseMs)),
    record: (delivery, outcome, attempt) => ask(() => object().record(now(), delivery, outcome, attempt)),
    deliveries: (endpoint, { limit, cursor }) =>
      ask(
        () =>
          object().deliveries(now(), endpoint, limit, cursor) as PromiseLike<{
            deliveries: Delivery[];
            nextCursor?: string;
          }>,
      ),
    resend: (endpoint, messageId) => ask(() => object().resend(now(), endpoint, messageId)),
    discard: (endpoint) => ask(() => object().discard(now(), endpoint)),
    nextDue: () => ask(() => object().nextDue(now())),
    recent: (after, limit) =>
      ask(() => object().recent(now(), after, limit) as PromiseLike<{ messages: SentMessage[]; last: number }>),
  };
}

const ask = <T>(call: () => PromiseLike<T>): Promise<T> => answered("store_unwritable", call);

/** The `ActivityLog` in the same object, in its memory. */
export function createDurableActivity(objects: DurableObjectNamespace<AlertRows>): ActivityLog {
  const object = () => objects.get(objects.idFromName("alerts"));
  return {
    publish: (sample) => ask(() => object().publishActivity(sample)),
    since: (cursor) =>
      ask(() => object().activitySince(cursor) as PromiseLike<{ samples: ActivitySample[]; cursor: string }>),
  };
}
