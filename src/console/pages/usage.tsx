import { toCsv } from "../../domain/csv.ts";
import type { FleetUsage, FleetUsageRow } from "../../schema/fleet-usage.ts";
import { ask, withQuery } from "../state/api.ts";
import { may, useCaller } from "../state/caller.ts";
import { download } from "../state/download.ts";
import { exact, short, usd } from "../state/format.ts";
import { agentAddress, type Place, refine } from "../state/router.ts";
import { useKeyNames } from "../state/use-key-names.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { Bars, daily } from "../ui/bars.tsx";
import { Empty } from "../ui/empty.tsx";
import { FilterField } from "../ui/field.tsx";
import { Pager } from "../ui/pager.tsx";
import { ProblemNote } from "../ui/problem.tsx";
import { type Column, Table, Waiting } from "../ui/table.tsx";
import { Shown } from "../ui/text.tsx";
import { useChange } from "../ui/use-change.ts";
import { Prices } from "./prices.tsx";

const pageSize = 100;
/** A chart is of all its days. */
const mostDays = 1_000;

/** Use and money by agent, model, provider, day, maker or label. */
export function Usage({ place: { query } }: { place: Place }) {
  const { by = "agent", sort, from, to, cursor } = query;
  const asked = { by, from, to, orderBy: sort?.replace("-", ""), cursor };
  const usage = useQuery<FleetUsage>(withQuery("/usage", { ...asked, limit: by === "day" ? mostDays : pageSize }), {
    everyMs: 15_000,
  });
  const names = useKeyNames();
  const isAdmin = may(useCaller(), "provisioning:admin");
  const { data } = usage;
  return (
    <>
      <div class="head">
        <h1 class="grow">{t.usage.title}</h1>
        <Export query={asked} />
      </div>
      <div class="bar">
        <Choice by={by} known={data?.labels ?? []} />
        {(["from", "to"] as const).map((name) => (
          <label key={name} class="actions">
            {t.usage[name]}
            <FilterField
              type="date"
              value={query[name] ?? data?.[name] ?? ""}
              onText={(day) => refine({ [name]: day, cursor: undefined })}
            />
          </label>
        ))}
        {data && (
          <span class="muted">
            {t.usage.total(usd(data.total.usd), exact(data.total.tokens), exact(data.total.requests))}
          </span>
        )}
      </div>
      <ProblemNote error={usage.error} again={usage.again} />
      {usage.loading && <Waiting lines={8} />}
      {data && data.rows.length === 0 && <Empty title={t.usage.none} hint={t.usage.noneHint} />}
      {data && data.rows.length > 0 && data.by === by && (
        <>
          {by === "day" && (
            <Bars
              title={t.agent.useTitle(data.from, data.to)}
              bars={daily(data.from, data.to, (day) => data.rows.find(({ key }) => key === day)?.tokens ?? 0)}
            />
          )}
          <Table
            label={t.usage.title}
            rows={data.rows}
            id={({ key }) => key}
            columns={columnsOf(by, names)}
            sort={sort ?? (by === "day" ? "key" : "-usd")}
            onSort={(next) =>
              refine({ sort: next.includes("key") ? "key" : `-${next.replace("-", "")}`, cursor: undefined })
            }
          />
        </>
      )}
      <Pager cursor={cursor} nextCursor={data?.nextCursor} />
      {isAdmin && <Prices />}
    </>
  );
}

/** The labels that agents have are choices too. */
function Choice({ by, known }: { by: string; known: readonly string[] }) {
  const chosen = by.startsWith("label:") ? [by.slice("label:".length)] : [];
  const labels = [...new Set([...known, ...chosen])].sort();
  const options = [...Object.entries(t.usage.bys), ...labels.map((name) => [`label:${name}`, t.usage.byLabel(name)])];
  return (
    <select
      aria-label={t.usage.by}
      value={by}
      onChange={(event) => refine({ by: event.currentTarget.value, cursor: undefined, sort: undefined })}
    >
      {options.map(([value, label]) => (
        <option key={value} value={value}>
          {label}
        </option>
      ))}
    </select>
  );
}

function Export({ query }: { query: Record<string, string | undefined> }) {
  const change = useChange();
  const run = () =>
    change.run(async () => {
      const rows: FleetUsageRow[] = [];
      let page: FleetUsage;
      let cursor: string | undefined;
      do {
        page = await ask<FleetUsage>(withQuery("/usage", { ...query, cursor, limit: 1000 }));
        rows.push(...page.rows);
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      const sums = Object.keys(page.total) as (keyof FleetUsage["total"])[];
      download("usage.csv", [toCsv(["key", "name", ...sums], rows)], "text/csv");
    });
  return (
    <>
      <button type="button" aria-disabled={change.busy} onClick={run}>
        {t.usage.export}
      </button>
      <ProblemNote error={change.error} />
    </>
  );
}

/** From here on every digit is on hover and in the export alone: a row of such numbers is wider than a screen. */
const longFrom = 1e10;

const Amount = ({ of }: { of: number }) => <span title={exact(of)}>{of < longFrom ? exact(of) : short(of)}</span>;

const columnsOf = (by: string, names: ReadonlyMap<string, string>): Column<FleetUsageRow>[] => [
  { key: "name", label: t.usage.name, sort: "key", cell: (row) => <Name by={by} row={row} names={names} /> },
  { key: "requests", label: t.agent.requests, num: true, sort: "requests", cell: ({ requests }) => exact(requests) },
  { key: "input", label: t.agent.input, num: true, cell: ({ inputTokens }) => <Amount of={inputTokens} /> },
  {
    key: "cache",
    label: t.usage.cache,
    num: true,
    cell: ({ cacheReadTokens, cacheWriteTokens }) => <Amount of={cacheReadTokens + cacheWriteTokens} />,
  },
  { key: "output", label: t.agent.output, num: true, cell: ({ outputTokens }) => <Amount of={outputTokens} /> },
  { key: "tokens", label: t.agent.tokens, num: true, sort: "tokens", cell: ({ tokens }) => <Amount of={tokens} /> },
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
    cell: ({ unpricedRequests }) =>
      unpricedRequests > 0 ? <span class="warn">{exact(unpricedRequests)}</span> : exact(unpricedRequests),
  },
];

function Name({ by, row, names }: { by: string; row: FleetUsageRow; names: ReadonlyMap<string, string> }) {
  const text = row.name ?? (by === "createdBy" ? names.get(row.key) : undefined) ?? (row.key || t.usage.nothing);
  if (by !== "agent") return <Shown text={text} className="name" />;
  return (
    <a class="name" href={agentAddress(row.key)}>
      <Shown text={text} />
    </a>
  );
}
