import type { AgentSummary } from "../../schema/agent.ts";
import { projected, sumSpent, useFleet } from "../state/fleet.ts";
import { exact, short, usd } from "../state/format.ts";
import { tightest } from "../state/quotas.ts";
import { addressOf } from "../state/router.ts";
import { t } from "../texts.ts";
import { ProblemNote } from "../ui/problem.tsx";
import { QuotaMeter } from "../ui/quota-meter.tsx";
import { Table, Waiting } from "../ui/table.tsx";
import { Shown } from "../ui/text.tsx";
import { Ago } from "../ui/time.tsx";
import { Attention } from "./attention.tsx";
import { FirstSteps } from "./first-steps.tsx";
import { LatestChanges } from "./latest-changes.tsx";

const nearShare = 0.8;
const mostNear = 10;

/** Is anything wrong, and who is near a limit? */
export function Overview() {
  const fleet = useFleet();
  const { agents, complete, loading } = fleet;
  return (
    <>
      <div class="head">
        <h1>{t.overview.title}</h1>
      </div>
      <ProblemNote error={fleet.error} again={fleet.again} />
      {loading && <Waiting lines={6} />}
      {!loading && (
        <>
          {!complete && agents.length > 0 && <p class="note warn">{t.overview.partly(exact(agents.length))}</p>}
          <FirstSteps />
          {agents.length > 0 && <Figures agents={agents} />}
          {agents.length > 0 && (
            <div class="columns section">
              <Near agents={agents} />
              <Attention agents={agents} />
            </div>
          )}
          {agents.length > 0 && (
            <div class="columns section">
              <Top agents={agents} />
              <LatestChanges />
            </div>
          )}
        </>
      )}
    </>
  );
}

function Figures({ agents }: { agents: AgentSummary[] }) {
  const spent = sumSpent(agents);
  const rest = (["suspended", "needs_auth", "failed"] as const)
    .map((status) => [status, agents.filter((agent) => agent.status === status).length] as const)
    .filter(([, count]) => count > 0)
    .map(([status, count]) => `${count} ${t.status[status]}`);
  const near = agents.filter(({ share = 0 }) => share >= nearShare).length;
  const atEnd = agents.filter(({ share = 0 }) => share >= 1).length;
  const money = projected(spent.usd, Date.now());
  const tokens = projected(spent.tokens, Date.now());
  const figures: [title: string, value: string, note: string, exactly: string][] = [
    [
      t.overview.agents,
      exact(agents.length),
      [`${agents.filter(({ status }) => status === "ready").length} ${t.status.ready}`, ...rest].join(", "),
      "",
    ],
    [
      t.overview.tokens,
      short(spent.tokens),
      `${exact(spent.requests)} ${t.overview.requests}${tokens === undefined ? "" : `, ${t.overview.projected(short(tokens))}`}`,
      exact(spent.tokens),
    ],
    [
      t.overview.money,
      usd(spent.usd),
      [
        money === undefined ? "" : t.overview.projected(usd(money)),
        spent.unpricedRequests > 0 ? t.overview.unpriced(exact(spent.unpricedRequests)) : "",
      ]
        .filter(Boolean)
        .join(", "),
      `$${spent.usd}`,
    ],
    [t.overview.near, exact(near), t.overview.atEnd(atEnd), ""],
  ];
  return (
    <dl class="figures">
      {figures.map(([title, value, note, exactly]) => (
        <div class="card" key={title}>
          <dt>{title}</dt>
          <dd title={exactly || undefined}>{value}</dd>
          <dd class="small muted">{note}</dd>
        </div>
      ))}
    </dl>
  );
}

function Near({ agents }: { agents: AgentSummary[] }) {
  const near = agents
    .filter(({ share = 0 }) => share >= nearShare)
    .sort((a, b) => (b.share ?? 0) - (a.share ?? 0))
    .slice(0, mostNear);
  return (
    <section>
      <h2>{t.overview.near}</h2>
      {near.length === 0 && <p class="muted">{t.overview.nearNone}</p>}
      <ul class="list">
        {near.map((agent) => {
          const quota = tightest(agent.quotas);
          return (
            <li key={agent.agentId}>
              <a class="name grow" href={addressOf(["agents", agent.agentId])}>
                <Shown text={agent.name} />
              </a>
              {quota && <QuotaMeter name={quota.name} state={quota.state} />}
              {quota && (
                <span class="small muted">
                  {t.quota[quota.name]}, {t.agent.resets} <Ago at={quota.state.resetAt} />
                </span>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Top({ agents }: { agents: AgentSummary[] }) {
  const all = sumSpent(agents).tokens;
  const top = agents
    .filter(({ usage }) => (usage?.tokens ?? 0) > 0)
    .sort((a, b) => (b.usage?.tokens ?? 0) - (a.usage?.tokens ?? 0))
    .slice(0, 8);
  return (
    <section>
      <h2>{t.overview.top}</h2>
      {top.length === 0 ? (
        <p class="muted">{t.overview.topNone}</p>
      ) : (
        <Table
          label={t.overview.top}
          rows={top}
          id={({ agentId }) => agentId}
          columns={[
            {
              key: "agent",
              label: t.agents.agent,
              cell: ({ agentId, name }) => (
                <a class="name" href={addressOf(["agents", agentId])}>
                  <Shown text={name} />
                </a>
              ),
            },
            { key: "tokens", label: t.agent.tokens, num: true, cell: ({ usage }) => short(usage?.tokens ?? 0) },
            { key: "usd", label: "USD", num: true, cell: ({ usage }) => usd(usage?.usd ?? 0) },
            {
              key: "share",
              label: t.overview.share,
              num: true,
              cell: ({ usage }) => `${Math.round((100 * (usage?.tokens ?? 0)) / all)} %`,
            },
          ]}
        />
      )}
    </section>
  );
}
