import { useEffect, useState } from "preact/hooks";
import type * as z from "zod/mini";
import type { AuditPage, AuditRecord } from "../../schema/audit-event.ts";
import { withQuery } from "../state/api.ts";
import { type Place, refine } from "../state/router.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { ProblemNote } from "../ui/problem.tsx";
import { Waiting } from "../ui/table.tsx";
import { AuditTable } from "./audit-table.tsx";

const everyMs = 2_000;

/** The trail as it is written; paused, it stays as it is. */
export function Live({ place: { query } }: { place: Place }) {
  const { q = "" } = query;
  const [paused, setPaused] = useState(false);
  const path = withQuery("/provisioning/audit", { limit: 100 });
  const trail = useQuery<z.infer<typeof AuditPage>>(path, paused ? {} : { everyMs });
  const [frozen, setFrozen] = useState<AuditRecord[]>();
  useEffect(() => setFrozen(paused ? trail.data?.events : undefined), [paused]);
  const events = (frozen ?? trail.data?.events ?? []).filter(
    (event) => event.action !== "request.read" && (q === "" || JSON.stringify(event).includes(q)),
  );
  return (
    <>
      <div class="head">
        <h1 class="grow">{t.live.title}</h1>
        <button type="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {paused ? t.live.go : t.live.pause}
        </button>
      </div>
      <div class="bar">
        <input
          type="search"
          aria-label={t.live.filter}
          placeholder={t.live.filter}
          size={32}
          value={q}
          onInput={(event) => refine({ q: event.currentTarget.value })}
        />
        <span class="muted small">{paused ? t.live.paused : t.live.hint}</span>
      </div>
      <ProblemNote error={trail.error} again={trail.again} />
      {trail.loading && <Waiting lines={8} />}
      {trail.data && events.length === 0 && <p class="muted">{t.live.none}</p>}
      {events.length > 0 && <AuditTable events={events} />}
    </>
  );
}
