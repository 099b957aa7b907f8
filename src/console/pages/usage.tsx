import type { AgentSummary } from "../../schema/agent.ts";
import { may, useCaller } from "../state/caller.ts";
import { download } from "../state/download.ts";
import { type Spent, sumSpent, useFleet } from "../state/fleet.ts";
import { exact, usd } from "../state/format.ts";
import { useKeyNames } from "../state/key-names.ts";
import { addressOf, type Place, refine } from "../state/router.ts";
import { t } from "../texts.ts";
import { ProblemNote } from "../ui/problem.tsx";
import { type Column, Table, Waiting } from "../ui/table.tsx";
import { Shown } from "../ui/text.tsx";
import { Prices } from "./prices.tsx";

interface Row extends Spent {
  key: string;
  name: string;
  href?: string;
  agents: number;
}

const sorts = ["name", "agents", "requests", "tokens", "usd", "unpricedRequests"] as const;
type Sort = (typeof sorts)[number];

/** This month's use and money, by agent, by label, by maker or by model. */
export function Usage({ place: { query } }: { place: Place }) {
  const { by = "agent", sort = "-usd" } = query;
  const fleet = useFleet();
  const names = useKeyNames();
  const isAdmin = may(useCaller(), "provisioning:admin");
  const labels = [...new Set(fleet.agents.flatMap((agent) => Object.keys(agent.labels ?? {})))].sort();
  const rows = ordered(grouped(fleet.agents, by, names), sort);
  const total = sumSpent(fleet.agents);
  return (
    <>
      <div class="head">
        <h1 class="grow">{t.usage.title}</h1>
        <button
          type="button"
          disabled={rows.length === 0}
          onClick={() => download("usage.csv", [csv(rows)], "text/csv")}
        >
          {t.usage.export}
        </button>
      </div>
      <div class="bar">
        <select aria-label={t.usage.by} value={by} onChange={(event) => refine({ by: event.currentTarget.value })}>
          {[...Object.entries(t.usage.bys), ...labels.map((name) => [`label:${name}`, t.usage.byLabel(name)])].map(
            ([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ),
          )}
        </select>
        <span class="muted">{t.usage.total(usd(total.usd), exact(total.tokens), exact(total.requests))}</span>
      </div>
      <ProblemNote error={fleet.error} again={fleet.again} />
      {fleet.loading && <Waiting lines={8} />}
      {!fleet.loading && !fleet.complete && !fleet.error && (
        <p class="note warn">{t.overview.partly(exact(fleet.agents.length))}</p>
      )}
      {!fleet.loading && rows.length === 0 && (
        <div class="empty">
          <b>{t.usage.none}</b>
          <p class="muted">{t.usage.noneHint}</p>
        </div>
      )}
      {rows.length > 0 && (
        <Table
          label={t.usage.title}
          rows={rows}
          id={({ key }) => key}
          columns={columns}
          sort={sort}
          onSort={(next) => refine({ sort: next })}
        />
      )}
      {isAdmin && <Prices />}
    </>
  );
}

const columns: Column<Row>[] = [
  {
    key: "name",
    label: t.usage.name,
    sort: "name",
    cell: ({ name, href }) =>
      href ? (
        <a class="name" href={href}>
          <Shown text={name} />
        </a>
      ) : (
        <Shown text={name} className="name" />
      ),
  },
  { key: "agents", label: t.usage.agents, num: true, sort: "agents", cell: ({ agents }) => exact(agents) },
  { key: "requests", label: t.agent.requests, num: true, sort: "requests", cell: ({ requests }) => exact(requests) },
  { key: "tokens", label: t.agent.tokens, num: true, sort: "tokens", cell: ({ tokens }) => exact(tokens) },
  {
    key: "usd",
    label: "USD",
    num: true,
    sort: "usd",
    cell: (row) => <span title={`$${row.usd}`}>{usd(row.usd)}</span>,
  },
  {
    key: "unpriced",
    label: t.usage.unpriced,
    num: true,
    sort: "unpricedRequests",
    cell: ({ unpricedRequests }) =>
      unpricedRequests > 0 ? <span class="warn">{exact(unpricedRequests)}</span> : exact(unpricedRequests),
  },
];

function grouped(agents: AgentSummary[], by: string, names: ReadonlyMap<string, string>): Row[] {
  const groups = new Map<string, AgentSummary[]>();
  for (const agent of agents) {
    if (!agent.usage) continue;
    const key = groupOf(agent, by);
    groups.set(key, [...(groups.get(key) ?? []), agent]);
  }
  return [...groups].map(([key, members]) => ({
    key,
    name:
      (by === "agent" ? members[0]?.name : by === "createdBy" ? names.get(key) : undefined) ?? (key || t.usage.nothing),
    ...(by === "agent" && { href: addressOf(["agents", key]) }),
    agents: members.length,
    ...sumSpent(members),
  }));
}

function groupOf(agent: AgentSummary, by: string): string {
  if (by === "createdBy") return agent.createdBy ?? "";
  if (by === "model") return agent.model ?? "";
  if (by === "gateway") return agent.gateway ?? "";
  return by.startsWith("label:") ? (agent.labels?.[by.slice("label:".length)] ?? "") : agent.agentId;
}

function ordered(rows: Row[], sort: string): Row[] {
  const down = sort.startsWith("-");
  const field = sorts.find((one) => one === sort.replace("-", "")) ?? ("usd" satisfies Sort);
  return rows.sort((a, b) => {
    const [one, other] = [a[field], b[field]];
    const order = typeof one === "string" ? one.localeCompare(String(other)) : one - Number(other);
    return down ? -order : order;
  });
}

/** RFC 4180; what a spreadsheet would take for a formula is text. */
const csv = (rows: Row[]): string =>
  [["name", ...sorts.slice(1)], ...rows.map((row) => sorts.map((field) => row[field]))]
    .map((fields) => `${fields.map(cell).join(",")}\r\n`)
    .join("");

const cell = (value: string | number): string =>
  typeof value === "number" ? String(value) : `"${value.replace(/^(?=[=+\-@\t\r])/, "'").replaceAll('"', '""')}"`;
