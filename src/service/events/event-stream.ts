import type { AuditRecord } from "../../domain/audit-event.ts";
import { wait } from "../../domain/retry.ts";
import type { ActivitySample, SentMessage } from "../../ports.ts";
import type { ActivityEvent, EventType } from "../../schema/event.ts";
import { alertOf } from "../alerts/attempt-delivery.ts";
import { isStillTrue } from "../alerts/still-true.ts";
import type { Context } from "../context.ts";

const defaultTicks = { everyMs: 2_000, most: 150 };
const pingMs = 15_000;
const stepMs = 250;
/** A session that was ended sees nothing a second later. */
const lookEveryMs = 750;
const pageSize = 100;
/** The bound of missed events: a reader who was away for more of them gets the newest. */
const mostMissed = 10_000;
const mostAgents = 20;

/** The query and headers of a stream of events. */
export interface EventStreamOptions {
  types: readonly EventType[];
  /** As the client sent it: `<number of an audit event>`, with `-<number of an alert>` after an alert. */
  lastEventId: string | undefined;
  /** Asked again and again: whether the caller may still look. */
  mayGoOn(): Promise<boolean>;
}

/** The place of a stream; what is not asked for stays where it was. */
interface Position {
  audit: number;
  alert: number;
  activity: string | undefined;
}

const line = (event: string, data: unknown, id?: string): string =>
  `${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

/** Server-sent events, made only as fast as they are read. */
export function eventStream(context: Context, options: EventStreamOptions): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let isLeft = false;
  const chunks = eventTexts(context, options, () => isLeft || context.isStopping());
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { value, done } = await chunks.next();
          // It is closed by then.
          if (isLeft) return;
          if (done) controller.close();
          else controller.enqueue(encoder.encode(value));
        } catch (cause) {
          if (isLeft) return;
          context.log("warn", "a stream of events ended early", { cause });
          controller.close();
        }
      },
      async cancel() {
        // The generator hears of its end only where it yields, and it yields where there is something to tell.
        isLeft = true;
        await chunks.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

async function* eventTexts(
  context: Context,
  { types, lastEventId, mayGoOn }: EventStreamOptions,
  isEnding: () => boolean,
): AsyncGenerator<string, undefined> {
  const { everyMs, most } = context.eventTicks ?? defaultTicks;
  const has = (type: EventType): boolean => types.includes(type);
  yield "retry: 2000\n\n";
  const at = await begin(context, lastEventId);
  let quietMs = 0;
  for (let tick = 0; tick < most; tick++) {
    let text = "";
    if (has("audit")) {
      const { events, newest } = await auditAfter(context, at.audit);
      for (const record of events) text += line("audit", record, String(record.seq));
      // A store that lost its end gives numbers that were told already once more.
      at.audit = newest;
    }
    if (has("alert")) {
      const { messages, last } = await context.outbox.recent(at.alert, pageSize);
      at.alert = last;
      for (const sent of messages) {
        if (await isStillTrue(context, sent.message))
          text += line("alert", shown(context, sent), `${at.audit}-${sent.seq}`);
      }
    }
    if (has("activity")) {
      const { samples, cursor } = await context.activity.since(at.activity);
      at.activity = cursor;
      text += line("activity", summed(context, samples));
    }
    quietMs = text === "" ? quietMs + everyMs : 0;
    if (quietMs >= pingMs) {
      text = ": ping\n\n";
      quietMs = 0;
    }
    if (text !== "") yield text;
    if (!(await goesOn(everyMs, isEnding, mayGoOn))) return;
  }
}

async function begin(context: Context, lastEventId: string | undefined): Promise<Position> {
  const [, audit, alert] = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(lastEventId ?? "") ?? [];
  const { events } = await context.audit.read({ limit: 1 });
  const newest = events[0]?.seq ?? 0;
  const { last } = await context.outbox.recent(undefined, 1);
  if (audit === undefined) return { audit: newest, alert: last, activity: undefined };
  // A restored copy may have fewer than were seen before it.
  const from = Math.min(Number(audit), newest);
  return {
    audit: Math.max(from, newest - mostMissed),
    alert: alert === undefined ? await alertBefore(context, from) : Math.min(Number(alert), last),
    activity: undefined,
  };
}

/**
 * An alert is stored before the event of the trail that it tells of. One that was seen already comes once more, which its
 * id tells.
 */
const storedBeforeMs = 5_000;

/** No alert came after that event of the trail: those that happened since about then were missed. */
async function alertBefore(context: Context, audit: number): Promise<number> {
  const { events } = await context.audit.read({ limit: 1, cursor: audit + 1 });
  const since = events[0] === undefined ? 0 : Date.parse(events[0].time) - storedBeforeMs;
  for (let after = 0; ; ) {
    const { messages, last } = await context.outbox.recent(after, 1_000);
    const missed = messages.find(({ message }) => message.at >= since);
    if (missed) return missed.seq - 1;
    if (messages.length === 0) return last;
    after = last;
  }
}

/** The events in their order, and the number at which the trail ends now. */
async function auditAfter(context: Context, seq: number): Promise<{ events: AuditRecord[]; newest: number }> {
  const found: AuditRecord[] = [];
  let newest: number | undefined;
  let cursor: number | undefined;
  do {
    const page = await context.audit.read({ limit: pageSize, cursor });
    newest ??= page.events[0]?.seq ?? 0;
    found.push(...page.events.filter((event) => event.seq > seq));
    cursor = (page.events.at(-1)?.seq ?? 0) > seq + 1 ? page.nextCursor : undefined;
  } while (cursor !== undefined);
  return { events: found.reverse(), newest };
}

const shown = (context: Context, { messageId, message }: SentMessage) => ({
  id: messageId,
  ...alertOf(context, message),
});

function summed({ clock }: Pick<Context, "clock">, samples: readonly ActivitySample[]): ActivityEvent {
  const agents = new Map<string, ActivityEvent["agents"][number]>();
  const sums = { requests: 0, tokens: 0, denied: 0 };
  for (const sample of samples) {
    sums.requests += sample.requests;
    sums.tokens += sample.tokens;
    sums.denied += sample.denied;
    for (const { agentId, requests, tokens, denied } of sample.agents) {
      const one = agents.get(agentId) ?? { agentId, requests: 0, tokens: 0, denied: 0 };
      agents.set(agentId, {
        agentId,
        requests: one.requests + requests,
        tokens: one.tokens + tokens,
        denied: one.denied + denied,
      });
    }
  }
  const busiest = [...agents.values()].sort((a, b) => b.tokens - a.tokens || b.requests - a.requests);
  return { at: new Date(clock.now()).toISOString(), ...sums, agents: busiest.slice(0, mostAgents) };
}

/** Waits, in steps: a Worker cannot listen across requests, and a server that stops is not to wait for long. */
async function goesOn(ms: number, isEnding: () => boolean, mayGoOn: () => Promise<boolean>): Promise<boolean> {
  for (let waited = 0; waited < ms && !isEnding(); waited += stepMs) {
    await wait(Math.min(stepMs, ms - waited));
    const isLast = waited + stepMs >= ms;
    if ((isLast || (waited + stepMs) % lookEveryMs === 0) && !(await mayGoOn())) return false;
  }
  return !isEnding();
}
