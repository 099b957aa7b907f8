import { escapeHidden } from "../../domain/hidden-characters.ts";
import type { AuditRecord } from "../../schema/audit-event.ts";
import { exactTime } from "../state/format.ts";
import { addressOf } from "../state/router.ts";
import { useKeyNames } from "../state/use-key-names.ts";
import { t } from "../texts.ts";
import { Status } from "../ui/status.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { Shown } from "../ui/text.tsx";

/** A change's two lines as one: what was about to be done, and what came of it. */
interface Entry {
  last: AuditRecord;
  intent?: AuditRecord;
}

/** @param events the newest first */
function pairEvents(events: AuditRecord[]): Entry[] {
  const outcomes = new Map<string, Entry>();
  const entries: Entry[] = [];
  for (const event of events) {
    const outcome = event.phase === "intent" && event.operationId ? outcomes.get(event.operationId) : undefined;
    if (outcome && !outcome.intent && outcome.last.action === event.action) {
      outcome.intent = event;
      continue;
    }
    const entry: Entry = { last: event };
    entries.push(entry);
    if (event.phase === "outcome" && event.operationId) outcomes.set(event.operationId, entry);
  }
  return entries;
}

const detailsOf = ({ last, intent }: Entry): string =>
  Object.entries({ ...intent?.details, ...last.details })
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(", ") : String(value)}`)
    .join(" · ");

const columnsOf = (
  names: ReadonlyMap<string, string>,
  lacksOutcome: (intent: AuditRecord) => boolean,
): Column<Entry>[] => [
  {
    key: "what",
    label: t.audit.what,
    cell: (entry) => (
      <div>
        <b class="wrap">{escapeHidden(entry.last.action)}</b>
        <span class="small muted clip" title={escapeHidden(detailsOf(entry))}>
          {escapeHidden(detailsOf(entry))}
        </span>
      </div>
    ),
  },
  {
    key: "outcome",
    label: t.audit.outcome,
    cell: ({ last }) =>
      last.phase === "intent" ? (
        <span class="pill muted">{lacksOutcome(last) ? t.audit.open : last.phase}</span>
      ) : (
        last.outcome && <Status value={last.outcome} />
      ),
  },
  {
    key: "to",
    label: t.audit.to,
    cell: ({ last }) => last.target && <Shown text={names.get(last.target) ?? last.target} className="wrap" />,
  },
  {
    key: "who",
    label: t.audit.who,
    cell: ({ last }) => (
      <div>
        <Shown text={names.get(last.actor) ?? last.actor} className="wrap" />
        {last.address && <div class="small muted">{escapeHidden(last.address)}</div>}
      </div>
    ),
  },
  {
    key: "time",
    label: t.audit.time,
    tight: true,
    cell: ({ last }) => (
      <time class="small" dateTime={last.time} title={exactTime(last.time)}>
        {last.time.slice(0, 19).replace("T", " ")}
      </time>
    ),
  },
  {
    key: "number",
    label: t.audit.number,
    num: true,
    tight: true,
    cell: ({ last }) => (
      <a class="small" href={addressOf(["audit", String(last.seq)])}>
        {last.seq}
      </a>
    ),
  },
];

/** An outcome comes within so many events of its intent. */
const nearOutcome = 20;

/**
 * @param isWhole whether an outcome would be there too, so that an intent alone lacks it
 * @param before the number of an event from which on none is shown
 */
export function AuditTable({
  events,
  isWhole = true,
  before = Number.POSITIVE_INFINITY,
}: {
  events: AuditRecord[];
  isWhole?: boolean;
  before?: number;
}) {
  const names = useKeyNames();
  const rows = pairEvents(events);
  return (
    <Table
      label={t.audit.title}
      rows={rows}
      id={({ last }) => String(last.seq)}
      columns={columnsOf(names, ({ seq }) => isWhole && seq < before - nearOutcome)}
    />
  );
}
