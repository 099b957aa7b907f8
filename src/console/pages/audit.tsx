import { useState } from "preact/hooks";
import type * as z from "zod/mini";
import { auditOutcomes, auditPhases } from "../../domain/audit-event.ts";
import { shownJson } from "../../domain/hidden-characters.ts";
import type { AuditPage, AuditRecord } from "../../schema/audit-event.ts";
import { ask, withQuery } from "../state/api.ts";
import { download } from "../state/download.ts";
import { exact } from "../state/format.ts";
import { addressOf, type Place, refine } from "../state/router.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { Lines } from "../ui/copy.tsx";
import { Empty } from "../ui/empty.tsx";
import { FilterField, Tick } from "../ui/field.tsx";
import { Pager } from "../ui/pager.tsx";
import { ProblemNote } from "../ui/problem.tsx";
import { Waiting } from "../ui/table.tsx";
import { useChange } from "../ui/use-change.ts";
import { AuditTable } from "./audit-table.tsx";
import { VerifyTrail } from "./verify-trail.tsx";

type Events = z.infer<typeof AuditPage>;

const pageSize = 100;
/** The upper bound of one export: more is the command line's work. */
const mostExported = 20_000;

const choices = [
  { name: "phase", label: t.audit.phase, any: t.audit.anyPhase, words: auditPhases },
  { name: "outcome", label: t.audit.outcome, any: t.audit.anyOutcome, words: auditOutcomes },
] as const;
const days = [
  ["from", t.audit.from],
  ["to", t.audit.toDay],
] as const;

/** The trail under the filter of the address, or the one event whose number it names. */
export function Audit({ place }: { place: Place }) {
  const seq = place.path[1];
  return seq === undefined ? <Trail place={place} /> : <OneEvent key={seq} seq={seq} />;
}

function Trail({ place: { query } }: { place: Place }) {
  const { action, actor, target, phase, outcome, from, to, cursor, reads } = query;
  const filter = { action, actor, target, phase, outcome, from, to };
  const list = useQuery<Events>(withQuery("/provisioning/audit", { ...filter, cursor, limit: pageSize }));
  const events = (list.data?.events ?? []).filter((event) => reads !== undefined || event.action !== "request.read");
  return (
    <>
      <div class="head">
        <h1 class="grow">{t.audit.title}</h1>
        <Export filter={filter} />
      </div>
      <VerifyTrail />
      <div class="bar">
        {(["action", "actor", "target"] as const).map((name) => (
          <FilterField
            key={name}
            label={t.audit[name]}
            placeholder={t.audit[name]}
            value={query[name] ?? ""}
            onText={(text) => refine({ [name]: text, cursor: undefined })}
          />
        ))}
        {choices.map(({ name, label, any, words }) => (
          <select
            key={name}
            aria-label={label}
            value={query[name] ?? ""}
            onChange={(event) => refine({ [name]: event.currentTarget.value, cursor: undefined })}
          >
            <option value="">{any}</option>
            {words.map((word) => (
              <option key={word} value={word}>
                {t.status[word] ?? word}
              </option>
            ))}
          </select>
        ))}
        {days.map(([name, label]) => (
          <label key={name} class="actions">
            {label}
            <FilterField
              type="date"
              value={query[name] ?? ""}
              onText={(day) => refine({ [name]: day, cursor: undefined })}
            />
          </label>
        ))}
        <Tick
          label={t.audit.reads}
          checked={reads !== undefined}
          onTick={(on) => refine({ reads: on ? "1" : undefined })}
        />
      </div>
      <ProblemNote error={list.error} again={list.again} />
      {list.loading && <Waiting lines={10} />}
      {list.data?.events.length === 0 && <Empty title={t.audit.none} hint={t.audit.noneHint} />}
      {list.data && list.data.events.length > 0 && events.length === 0 && <Empty title={t.audit.onlyReads} />}
      {events.length > 0 && (
        <AuditTable
          events={events}
          isWhole={phase === undefined && outcome === undefined}
          {...(cursor !== undefined && { before: Number(cursor) })}
        />
      )}
      <Pager cursor={cursor} nextCursor={list.data?.nextCursor} />
    </>
  );
}

function Export({ filter }: { filter: Record<string, string | undefined> }) {
  const [count, setCount] = useState<number>();
  const [isCut, setCut] = useState(false);
  const change = useChange();
  const run = () =>
    change.run(async () => {
      const lines: string[] = [];
      let cursor: string | undefined;
      setCut(false);
      do {
        const page: Events = await ask<Events>(withQuery("/provisioning/audit", { ...filter, cursor, limit: 1000 }));
        lines.push(...page.events.map((event) => `${JSON.stringify(event)}\n`));
        setCount(lines.length);
        cursor = page.nextCursor;
      } while (cursor !== undefined && lines.length < mostExported);
      setCut(cursor !== undefined);
      download("audit.jsonl", lines, "application/x-ndjson");
    });
  return (
    <>
      <span role="status" class="muted small">
        {change.busy && count !== undefined && t.audit.exporting(count)}
        {isCut && count !== undefined && t.audit.cut(exact(count))}
      </span>
      <button type="button" aria-disabled={change.busy} onClick={run}>
        {t.audit.export}
      </button>
      <ProblemNote error={change.error} />
    </>
  );
}

/** `#/audit/<seq>`: a line that can be pointed at. */
function OneEvent({ seq }: { seq: string }) {
  const number = Number(seq);
  const list = useQuery<Events>(withQuery("/provisioning/audit", { cursor: String(number + 1), limit: 1 }));
  const event: AuditRecord | undefined = list.data?.events.find((one) => one.seq === number);
  return (
    <>
      <p class="small">
        <a href={addressOf(["audit"])}>{t.audit.back}</a>
      </p>
      <div class="head">
        <h1>{t.audit.event(seq)}</h1>
      </div>
      <ProblemNote error={list.error} again={list.again} />
      {list.loading && <Waiting />}
      {list.data && !event && <p class="note warn">{t.audit.noSuch}</p>}
      {event && (
        <div class="stack">
          <AuditTable events={[event]} isWhole={false} />
          <h2>{t.audit.raw}</h2>
          <Lines text={shownJson(JSON.stringify(event, null, 2))} />
        </div>
      )}
    </>
  );
}
