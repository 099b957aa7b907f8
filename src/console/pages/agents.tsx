import { useEffect, useRef, useState } from "preact/hooks";
import type * as z from "zod/mini";
import { tightestQuota } from "../../domain/quota-share.ts";
import type { AgentList, AgentSummary } from "../../schema/agent.ts";
import { withQuery } from "../state/api.ts";
import { may, useCaller } from "../state/caller.ts";
import { exact, usd } from "../state/format.ts";
import { addressOf, agentAddress, type Place, refine } from "../state/router.ts";
import { useKeyNames } from "../state/use-key-names.ts";
import { useLater, useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { Empty } from "../ui/empty.tsx";
import { Pager } from "../ui/pager.tsx";
import { ProblemNote } from "../ui/problem.tsx";
import { QuotaMeter } from "../ui/quota-meter.tsx";
import { Status } from "../ui/status.tsx";
import { type Column, Table, Waiting } from "../ui/table.tsx";
import { Shown } from "../ui/text.tsx";
import { Ago } from "../ui/time.tsx";
import { AgentPage } from "./agent.tsx";
import { BulkBar } from "./bulk-bar.tsx";
import { NewAgent } from "./new-agent.tsx";

/** The list, one agent of it, or a new one: `#/agents`, `#/agents/<id>`, `#/agents/new`. */
export function Agents({ place }: { place: Place }) {
  const [, id, rest] = place.path;
  if (id === "new" && rest === undefined) return <NewAgent place={place} />;
  if (id !== undefined) return <AgentPage key={id} id={id} />;
  return <AgentsList place={place} />;
}

const pageSize = 50;
/** An agent's spending costs the server several reads; its suspension, next to none. */
const spendingMs = 20_000;
const currentMs = 2_500;
type List = z.infer<typeof AgentList>;

/** The agents as they are now, with what was last read of their spending. */
function merged(spending: AgentSummary[], now: AgentSummary[] | undefined): AgentSummary[] {
  const byId = new Map(spending.map((agent) => [agent.agentId, agent]));
  return now?.map((agent) => ({ ...byId.get(agent.agentId), ...agent })) ?? spending;
}

const statuses = ["ready", "needs_auth", "suspended"] as const;

function AgentsList({ place: { query } }: { place: Place }) {
  const caller = useCaller();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const { q = "", status = "", label = "", cursor, sort } = query;
  const filter = { limit: pageSize, q, status, label, cursor, sort };
  const list = useQuery<List>(withQuery("/agents", { ...filter, include: "quotas,usage" }), { everyMs: spendingMs });
  const current = useLater<List>(withQuery("/agents", filter), currentMs);
  const agents = merged(list.data?.agents ?? [], current?.agents);
  const filtered = q !== "" || status !== "" || label !== "";
  const names = useKeyNames();
  return (
    <>
      <div class="head">
        <h1 class="grow">{t.agents.title}</h1>
        {may(caller, "agents:create") && (
          <a class="button primary" href={addressOf(["agents", "new"])}>
            {t.agents.make}
          </a>
        )}
      </div>
      <div class="bar">
        <Search value={q} />
        <select
          aria-label={t.agents.status}
          value={status}
          onChange={(event) => refine({ status: event.currentTarget.value, cursor: undefined })}
        >
          <option value="">{t.agents.anyStatus}</option>
          {statuses.map((one) => (
            <option key={one} value={one}>
              {t.status[one]}
            </option>
          ))}
        </select>
        {label !== "" && (
          <button type="button" onClick={() => refine({ label: undefined, cursor: undefined })}>
            {label} <span aria-hidden="true">×</span>
            <span class="hidden">{t.agents.without}</span>
          </button>
        )}
        <BulkBar chosen={chosen} onDone={(left) => setChosen(new Set(left))} />
      </div>
      <ProblemNote error={list.error} again={list.again} />
      {list.data?.unreachable && <p class="note warn">{t.agents.unreachable(list.data.unreachable.join(", "))}</p>}
      {list.loading && <Waiting lines={8} />}
      {list.data &&
        agents.length === 0 &&
        !list.data.nextCursor &&
        (cursor === undefined ? <NoAgents filtered={filtered} /> : <Empty title={t.agents.noMore} />)}
      {agents.length > 0 && (
        <Table
          label={t.agents.title}
          columns={columnsOf(names)}
          sort={sort}
          onSort={(next) => refine({ sort: next, cursor: undefined })}
          rows={agents}
          id={({ agentId }) => agentId}
          chosen={{ ids: chosen, choose: setChosen }}
        />
      )}
      <Pager cursor={cursor} nextCursor={list.data?.nextCursor}>
        {agents.length > 0 && <span class="muted small">{t.table.shown(agents.length, list.data?.total)}</span>}
      </Pager>
    </>
  );
}

const columnsOf = (names: ReadonlyMap<string, string>): Column<AgentSummary>[] => [
  {
    key: "agent",
    label: t.agents.agent,
    sort: "name",
    cell: ({ agentId, name, managed }) => (
      <div>
        <a class="name" href={agentAddress(agentId)}>
          <Shown text={name} />
        </a>
        <div class="small muted mono">
          {agentId !== name && agentId}
          {!managed && ` ${t.agents.foreign}`}
        </div>
      </div>
    ),
  },
  { key: "status", label: t.agents.status, cell: ({ status }) => <Status value={status} /> },
  { key: "model", label: t.agents.model, cell: ({ model }) => model && <span class="small model">{model}</span> },
  {
    key: "quota",
    label: t.agents.quota,
    cell: ({ quotas }) => {
      const found = tightestQuota(quotas);
      return found && <QuotaMeter name={found.name} state={found.state} />;
    },
  },
  {
    key: "usd",
    label: t.agents.usd,
    num: true,
    cell: ({ usage }) => usage && <span title={t.agents.spent(exact(usage.tokens))}>{usd(usage.usd)}</span>,
  },
  {
    key: "labels",
    label: t.agents.labels,
    cell: ({ labels = {}, bindings }) =>
      Object.keys(labels).length + bindings.length > 0 && (
        <span class="labels small">
          {Object.entries(labels).map(([name, value]) => (
            <a key={name} href={addressOf(["agents"], { label: `${name}:${value}` })}>
              {name}:{value}
            </a>
          ))}
          {bindings.length > 0 && <Shown text={bindings.join(", ")} className="muted wrap" />}
        </span>
      ),
  },
  {
    key: "made",
    label: t.agents.made,
    num: true,
    sort: "createdAt",
    cell: ({ createdAt, createdBy }) =>
      createdAt && (
        <div>
          <Ago at={createdAt} />
          {createdBy && (
            <div class="small muted maker">
              <Shown text={names.get(createdBy) ?? createdBy} />
            </div>
          )}
        </div>
      ),
  },
];

/** The address follows what is typed, once the typing pauses. */
function Search({ value }: { value: string }) {
  const [text, setText] = useState(value);
  const sent = useRef(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const search = (typed: string) => {
    setText(typed);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      sent.current = typed;
      refine({ q: typed, cursor: undefined });
    }, 200);
  };
  useEffect(() => {
    // A link or the back button has led to another search.
    if (value === sent.current) return;
    clearTimeout(timer.current);
    sent.current = value;
    setText(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <input
      type="search"
      aria-label={t.agents.search}
      placeholder={t.agents.search}
      size={36}
      value={text}
      onInput={(event) => search(event.currentTarget.value)}
    />
  );
}

function NoAgents({ filtered }: { filtered: boolean }) {
  const caller = useCaller();
  if (filtered) {
    return (
      <Empty title={t.agents.noMatch}>
        <button
          type="button"
          onClick={() => refine({ q: undefined, status: undefined, label: undefined, cursor: undefined })}
        >
          {t.agents.clear}
        </button>
      </Empty>
    );
  }
  return (
    <Empty title={t.agents.none} hint={t.agents.noneHint}>
      {may(caller, "agents:create") && (
        <a class="button primary" href={addressOf(["agents", "new"])}>
          {t.agents.make}
        </a>
      )}
    </Empty>
  );
}
