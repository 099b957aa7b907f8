import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";
import { thresholdMessage } from "../../../src/domain/quota-thresholds.ts";
import type { Clock, Delivery, DeliveryState, Due, Outbox, OutboxMessage } from "../../../src/ports.ts";
import { cursorParts, deliveryPage, outboxMemoryMs } from "../../sql/outbox-rows.ts";
import { answered } from "./redis-connection.ts";
import { ledgerKeys } from "./redis-ledger-keys.ts";
import { type RedisArgument, redisScript } from "./redis-script.ts";

/** As the scripts store it. */
interface StoredMessage {
  type: string;
  at: string;
  data: string;
  used?: string;
  seq?: string;
  id?: string;
}

interface StoredDelivery {
  created: string;
  state: DeliveryState;
  attempts: number;
  last?: { at: string; ms: string; status: string; error: string };
}

/** A message due at once is so by the clock of Redis, which may be behind. */
const putArguments = ({ cause, type, at, data, used, dueAt, keepUntil }: OutboxMessage): RedisArgument[] => [
  ...[cause, type, at, data, used ?? "", dueAt ?? ""],
  keepUntil ?? (dueAt ?? at) + outboxMemoryMs,
];

const messageOf = (cause: string, { type, at, data, used }: StoredMessage): OutboxMessage => ({
  cause,
  type,
  at: Number(at),
  data,
  ...(used !== undefined && { used: Number(used) }),
});

/**
 * The outbox of many machines: every instance takes from it, and what one that died had taken, another gets when its
 * lease ends.
 */
export function createRedisOutbox(redis: Redis, prefix: string, clock?: Clock): Outbox {
  const { partitions } = ledgerKeys(prefix);
  const base = `${prefix}:outbox:{${prefix}-outbox}`;
  const script = <T>(name: string) => {
    const run = redisScript<T>(redis, name);
    return (...args: RedisArgument[]) =>
      answered(redis, "store_unwritable", () => run([base], [clock?.now() ?? "", ...args]));
  };
  const put = script<number>("outbox-put");
  const take = script<string[]>("outbox-take");
  const spread = script<number>("outbox-spread");
  const begin = script<number>("outbox-begin");
  const record = script<number>("outbox-record");
  const resend = script<number>("outbox-resend");
  const discard = script<number>("outbox-discard");
  const page = script<string[]>("outbox-page");
  const nextDue = script<string | null>("outbox-next-due");
  const recent = script<string[]>("outbox-recent");

  /**
   * The thresholds that settlements passed lie beside the counters, in whose slot alone a script can write: this brings
   * them here. A process that dies in between leaves them there; the outbox takes a cause once.
   */
  async function bringPassed(): Promise<void> {
    const read = <T>(work: () => Promise<T>) => answered(redis, "store_unwritable", work);
    const found = await read(() => Promise.all(partitions.map(({ passed }) => redis.hgetall(passed))));
    for (const [at, fields] of found.entries()) {
      for (const [field, value] of Object.entries(fields)) {
        const [counter = "", period = "", percent, limit] = field.split(" ");
        const [time, used] = value.split(" ").map(Number) as [number, number];
        const threshold = { counter, period, limit: Number(limit), percent: Number(percent) };
        await put(...putArguments(thresholdMessage(time, threshold, used)));
        await read(() => redis.hdel(partitions[at]!.passed, field));
      }
    }
  }

  return {
    put: async (message) => (await put(...putArguments(message))) === 1,

    async take({ limit, leaseMs, except = [] }) {
      await bringPassed();
      const found = await take(limit, leaseMs, outboxMemoryMs, randomUUID(), ...except);
      const due: Due[] = [];
      for (let at = 0; at < found.length; at += 6) {
        const [cause, stored, endpoint, messageId, attempts, lease] = found.slice(at, at + 6) as [string, ...string[]];
        const message = messageOf(cause, JSON.parse(stored!) as StoredMessage);
        due.push(
          endpoint === ""
            ? { kind: "message", message, lease: lease! }
            : {
                kind: "delivery",
                message,
                messageId: messageId!,
                endpoint: endpoint!,
                attempts: Number(attempts),
                lease: lease!,
              },
        );
      }
      return due;
    },

    spread: async (cause, lease, messageId, endpoints, data) =>
      (await spread(cause, lease, messageId, outboxMemoryMs, data ?? "", ...endpoints)) === 1,

    async begin(message, messageId, endpoint, leaseMs) {
      const lease = randomUUID();
      await begin(...putArguments(message), messageId, endpoint, leaseMs, lease);
      return lease;
    },

    async record({ endpoint, messageId, lease }, outcome, attempt) {
      // As a wait: the caller's clock may be another than that of Redis.
      const wait = outcome.state === "pending" ? outcome.dueAt - (clock?.now() ?? Date.now()) : "";
      const made = attempt ? [attempt.at, attempt.ms, attempt.status ?? "", attempt.error ?? ""] : [];
      await record(endpoint, messageId, lease, outcome.state, wait, ...made);
    },

    async deliveries(endpoint, { limit, cursor }) {
      const [created = "", id = ""] = cursorParts(cursor);
      const found = await page(endpoint, limit + 1, outboxMemoryMs, created, id);
      const rows: Delivery[] = [];
      for (let at = 0; at < found.length; at += 4) {
        const [messageId, type, stored, due] = found.slice(at, at + 4) as [string, string, string, string];
        rows.push(deliveryOf(endpoint, messageId, type, JSON.parse(stored) as StoredDelivery, due));
      }
      return deliveryPage(rows, limit);
    },

    resend: async (endpoint, messageId) => (await resend(endpoint, messageId, outboxMemoryMs)) === 1,

    async discard(endpoint) {
      await discard(endpoint);
    },

    async nextDue() {
      const due = await nextDue();
      return due === null ? undefined : Number(due);
    },

    async recent(after, limit) {
      const [last, ...rest] = await recent(after ?? "", limit);
      const messages = [];
      for (let at = 0; at < rest.length; at += 2) {
        const stored = JSON.parse(rest[at + 1]!) as StoredMessage;
        messages.push({ seq: Number(stored.seq), messageId: stored.id!, message: messageOf(rest[at]!, stored) });
      }
      // It is below `after` once Redis has lost its end: followers go on from there.
      return { messages, last: messages.at(-1)?.seq ?? Math.min(after ?? Number(last), Number(last)) };
    },
  };
}

function deliveryOf(
  endpoint: string,
  messageId: string,
  type: string,
  { created, state, attempts, last }: StoredDelivery,
  due: string,
): Delivery {
  return {
    endpoint,
    messageId,
    type,
    createdAt: Number(created),
    state,
    attempts,
    ...(due !== "" && { dueAt: Number(due) }),
    ...(last && {
      last: {
        at: Number(last.at),
        ms: Number(last.ms),
        ...(last.status !== "" && { status: Number(last.status) }),
        ...(last.error !== "" && { error: last.error }),
      },
    }),
  };
}
