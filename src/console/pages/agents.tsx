import { useState } from "preact/hooks";
import type * as z from "zod/mini";
import type { AgentList, AgentSummary } from "../../schema/agent.ts";
import { withQuery } from "../state/api.ts";
import { may, useCaller } from "../state/caller.ts";
import { addressOf, type Place, refine } from "../state/router.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { ProblemNote } from "../ui/problem.tsx";
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
  // An agent may be called new: its address then has a further part.
  if (id === "new" && rest === undefined) return <NewAgent place={place} />;
  if (id !== undefined) return <AgentPage key={id} id={id} place={place} />;
  return <AgentsList place={place} />;
}

const pageSize = 50;
const statuses = ["ready", "needs_auth", "suspended", "failed"] as const;

function AgentsList({ place: { query } }: { place: Place }) {
  const caller = useCaller();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const { q = "", status = "", cursor, sort } = query;
  const path = withQuery("/agents", { limit: pageSize, q, status, cursor, sort });
  const list = useQuery<z.infer<typeof AgentList>>(path);
  const agents = list.data?.agents ?? [];
  const filtered = q !== "" || status !== "";
  const choose = (ids: ReadonlySet<string>) => setChosen(ids);
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
        <BulkBar chosen={chosen} onDone={() => setChosen(new Set())} />
      </div>
      <ProblemNote error={list.error} again={list.again} />
      {list.data?.unreachable && <p class="note warn">{t.agents.unreachable(list.data.unreachable.join(", "))}</p>}
      {list.loading && <Waiting lines={8} />}
      {list.data && agents.length === 0 && !list.data.nextCursor && <NoAgents filtered={filtered} />}
      {agents.length > 0 && (
        <Table
          label={t.agents.title}
          columns={columns}
          rows={agents}
          id={({ agentId }) => agentId}
          chosen={{ ids: chosen, choose }}
        />
      )}
      <div class="pager">
        {cursor !== undefined && (
          <button type="button" onClick={() => refine({ cursor: undefined })}>
            {t.table.first}
          </button>
        )}
        {list.data?.nextCursor && (
          <button type="button" onClick={() => refine({ cursor: list.data?.nextCursor })}>
            {t.table.more}
          </button>
        )}
        {agents.length > 0 && <span class="muted small">{t.table.shown(agents.length)}</span>}
      </div>
    </>
  );
}

const columns: Column<AgentSummary>[] = [
  {
    key: "agent",
    label: t.agents.agent,
    cell: ({ agentId, name, managed }) => (
      <div>
        <a class="name" href={addressOf(["agents", agentId])}>
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
  { key: "model", label: t.agents.model, cell: ({ model }) => model && <span class="wrap">{model}</span> },
  {
    key: "channels",
    label: t.agents.channels,
    cell: ({ bindings }) => bindings.length > 0 && <span class="wrap small">{bindings.join(", ")}</span>,
  },
  {
    key: "by",
    label: t.agents.by,
    cell: ({ createdBy }) => createdBy && <span class="small mono wrap">{createdBy}</span>,
  },
  { key: "made", label: t.agents.made, num: true, cell: ({ createdAt }) => createdAt && <Ago at={createdAt} /> },
];

function Search({ value }: { value: string }) {
  const [timer, setTimer] = useState<ReturnType<typeof setTimeout>>();
  const search = (text: string) => {
    clearTimeout(timer);
    setTimer(setTimeout(() => refine({ q: text, cursor: undefined }), 200));
  };
  return (
    <input
      type="search"
      aria-label={t.agents.search}
      placeholder={t.agents.search}
      size={32}
      value={value}
      onInput={(event) => search(event.currentTarget.value)}
    />
  );
}

function NoAgents({ filtered }: { filtered: boolean }) {
  const caller = useCaller();
  if (filtered) {
    return (
      <div class="empty">
        <b>{t.agents.noMatch}</b>
        <button type="button" onClick={() => refine({ q: undefined, status: undefined, cursor: undefined })}>
          {t.agents.clear}
        </button>
      </div>
    );
  }
  return (
    <div class="empty">
      <b>{t.agents.none}</b>
      <p class="muted">{t.agents.noneHint}</p>
      {may(caller, "agents:create") && (
        <a class="button primary" href={addressOf(["agents", "new"])}>
          {t.agents.make}
        </a>
      )}
    </div>
  );
}
