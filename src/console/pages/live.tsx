import { useEffect, useRef, useState } from "preact/hooks";
import type { AuditRecord } from "../../schema/audit-event.ts";
import type { ActivityEvent } from "../../schema/event.ts";
import { withQuery } from "../state/api.ts";
import { may, useCaller } from "../state/caller.ts";
import { followEvents } from "../state/events.ts";
import { exactTime } from "../state/format.ts";
import { type Place, refine } from "../state/router.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { ProblemNote } from "../ui/problem.tsx";
import { Activity } from "./activity.tsx";
import { AuditTable } from "./audit-table.tsx";

const mostEvents = 200;
const spanMs = 120_000;
/** The activity comes every two seconds, and a stream that ends goes on in another within a few. */
const longestSilenceMs = 10_000;
const lookEveryMs = 1_000;

interface Seen {
  live: boolean;
  /** When the stream last told of something. */
  heardAt?: number;
  trail: AuditRecord[];
  activity: ActivityEvent[];
}

/** The events as they happen. A paused page stays as it is, and goes on with all that came meanwhile. */
export function Live({ place: { query } }: { place: Place }) {
  const { q = "" } = query;
  const isAdmin = may(useCaller(), "provisioning:admin");
  const before = useQuery<{ events: AuditRecord[] }>(
    isAdmin ? withQuery("/provisioning/audit", { limit: 100 }) : undefined,
  );
  const [paused, setPaused] = useState(false);
  const { live, heardAt, ...now } = useStream(isAdmin);
  const isStale = heardAt !== undefined && Date.now() - heardAt > longestSilenceMs;
  const since = isStale ? exactTime(new Date(heardAt).toISOString()) : undefined;
  const shown = useRef({ ...now, before: before.data?.events });
  if (!paused) shown.current = { ...now, before: before.data?.events };
  const { trail, activity } = shown.current;
  const known = new Map([...(shown.current.before ?? []), ...trail].map((event) => [event.seq, event]));
  const events = [...known.values()]
    .filter((event) => event.action !== "request.read" && (q === "" || JSON.stringify(event).includes(q)))
    .sort((a, b) => b.seq - a.seq);
  return (
    <>
      <div class="head">
        <h1>{t.live.title}</h1>
        <span class={live && !isStale ? "ok small" : "muted small"} role="status">
          {paused ? t.live.paused : live && !isStale ? t.live.on : t.live.off}
        </span>
        <span class="grow" />
        <button type="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {paused ? t.live.go : t.live.pause}
        </button>
      </div>
      <div role="status">{since !== undefined && <p class="note warn">{t.live.stale(since)}</p>}</div>
      <Activity events={activity} span={since === undefined ? t.live.span : t.live.spanBefore} />
      {isAdmin && (
        <section class="section">
          <h2>{t.audit.title}</h2>
          <div class="bar">
            <input
              type="search"
              aria-label={t.live.filter}
              placeholder={t.live.filter}
              size={32}
              value={q}
              onInput={(event) => refine({ q: event.currentTarget.value })}
            />
          </div>
          <ProblemNote error={before.error} again={before.again} />
          {before.data && events.length === 0 && <p class="muted">{t.live.none}</p>}
          {events.length > 0 && <AuditTable events={events.slice(0, mostEvents)} />}
        </section>
      )}
    </>
  );
}

/** The last two minutes: what came before a long time without the stream is older. */
const recent = (activity: ActivityEvent[]): ActivityEvent[] =>
  activity.filter(({ at }) => Date.parse(activity[0]!.at) - Date.parse(at) < spanMs);

function useStream(isAdmin: boolean): Seen {
  const [seen, setSeen] = useState<Seen>({ live: false, trail: [], activity: [] });
  useEffect(() => {
    const ended = new AbortController();
    void followEvents(
      `/events?types=${isAdmin ? "audit,activity" : "activity"}`,
      ended.signal,
      ({ event, data }) => {
        setSeen((before) => ({
          ...before,
          heardAt: Date.now(),
          ...(event === "audit" && { trail: [data as AuditRecord, ...before.trail].slice(0, mostEvents) }),
          ...(event === "activity" && { activity: recent([data as ActivityEvent, ...before.activity]) }),
        }));
      },
      (live) => !ended.signal.aborted && setSeen((before) => ({ ...before, live })),
    );
    const timer = setInterval(() => setSeen((before) => ({ ...before })), lookEveryMs);
    return () => {
      ended.abort();
      clearInterval(timer);
    };
  }, [isAdmin]);
  return seen;
}
