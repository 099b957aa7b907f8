import { Problem } from "../../src/errors.ts";
import type { ActivityLog, ActivitySample, Clock, Delivery, Due, Outbox, SentMessage } from "../../src/ports.ts";
import type { AlertRows } from "./alert-rows.ts";

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
    put: (message) => answered(() => object().put(now(), message)),
    take: ({ limit, leaseMs, except = [] }) =>
      answered<Due[]>(() => object().take(now(), limit, leaseMs, except) as PromiseLike<Due[]>),
    spread: (...spread) => answered(() => object().spread(now(), ...spread)),
    begin: (message, messageId, endpoint, leaseMs) =>
      answered(() => object().begin(now(), message, messageId, endpoint, leaseMs)),
    record: (delivery, outcome, attempt) => answered(() => object().record(now(), delivery, outcome, attempt)),
    deliveries: (endpoint, { limit, cursor }) =>
      answered(
        () =>
          object().deliveries(now(), endpoint, limit, cursor) as PromiseLike<{
            deliveries: Delivery[];
            nextCursor?: string;
          }>,
      ),
    resend: (endpoint, messageId) => answered(() => object().resend(now(), endpoint, messageId)),
    discard: (endpoint) => answered(() => object().discard(now(), endpoint)),
    nextDue: () => answered(() => object().nextDue(now())),
    recent: (after, limit) =>
      answered(() => object().recent(now(), after, limit) as PromiseLike<{ messages: SentMessage[]; last: number }>),
  };
}

async function answered<T>(call: () => PromiseLike<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw new Problem("store_unwritable", undefined, { cause });
  }
}

/** The `ActivityLog` in the same object, in its memory. */
export function createDurableActivity(objects: DurableObjectNamespace<AlertRows>): ActivityLog {
  const object = () => objects.get(objects.idFromName("alerts"));
  return {
    publish: (sample) => answered(() => object().publishActivity(sample)),
    since: (cursor) =>
      answered(() => object().activitySince(cursor) as PromiseLike<{ samples: ActivitySample[]; cursor: string }>),
  };
}
