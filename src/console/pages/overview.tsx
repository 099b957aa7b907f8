import { mostNearShown } from "../../domain/quota-share.ts";
import type { NearLimitAgent, Overview as OverviewAnswer } from "../../schema/fleet-usage.ts";
import { exact, percent, short, usd } from "../state/format.ts";
import { agentAddress } from "../state/router.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { Bars } from "../ui/bars.tsx";
import { ProblemNote } from "../ui/problem.tsx";
import { QuotaMeter } from "../ui/quota-meter.tsx";
import { Table, Waiting } from "../ui/table.tsx";
import { Shown } from "../ui/text.tsx";
import { Ago } from "../ui/time.tsx";
import { Attention } from "./attention.tsx";
import { FirstSteps } from "./first-steps.tsx";
import { LatestChanges } from "./latest-changes.tsx";

const everyMs = 15_000;

const isUsed = ({ days }: OverviewAnswer): boolean => days.some(({ requests }) => requests > 0);

/** Is anything wrong, and who is near a limit? */
export function Overview() {
  const overview = useQuery<OverviewAnswer>("/overview?days=30", { everyMs });
  const { data } = overview;
  return (
    <>
      <div class="head">
        <h1 class="grow">{t.overview.title}</h1>
        {data && (
          <span class="small muted">
            {t.overview.asOf} <Ago at={data.asOf} />
          </span>
        )}
      </div>
      <ProblemNote error={overview.error} again={overview.again} />
      {overview.loading && <Waiting lines={6} />}
      {data && (data.agents.total === 0 || !isUsed(data)) && <FirstSteps />}
      {data && (data.agents.total > 0 || isUsed(data)) && (
        <>
          <Figures of={data} />
          <div class="columns section">
            <Near agents={data.nearLimit} />
            <Attention found={data.attention} />
          </div>
          {isUsed(data) && <Days of={data} />}
          <div class="columns section">
            <Top of={data} />
            <LatestChanges />
          </div>
        </>
      )}
    </>
  );
}

/** The list is cut where there are more. */
const counted = (near: number): string => (near < mostNearShown ? exact(near) : t.overview.orMore(exact(near)));

function Figures({ of: { agents, today, month, nearLimit } }: { of: OverviewAnswer }) {
  const states = [
    [agents.ready, t.status.ready],
    [agents.suspended, t.status.suspended],
    [agents.needsAuth, t.status.needs_auth],
  ] as const;
  const atEnd = nearLimit.filter(({ share }) => share >= 1).length;
  const figures: [title: string, value: string, note: string, exactly?: string][] = [
    [
      t.overview.agents,
      exact(agents.total),
      states
        .filter(([count]) => count > 0)
        .map(([count, state]) => `${exact(count)} ${state}`)
        .join(", "),
    ],
    [
      t.overview.tokens,
      short(month.tokens),
      `${t.overview.today(short(today.tokens))}, ${t.overview.projected(short(month.projectedTokens))}`,
      exact(month.tokens),
    ],
    [
      t.overview.money,
      usd(month.usd),
      [
        t.overview.today(usd(today.usd)),
        t.overview.projected(usd(month.projectedUsd)),
        month.unpricedRequests > 0 ? t.overview.unpriced(exact(month.unpricedRequests)) : "",
      ]
        .filter(Boolean)
        .join(", "),
      `$${month.usd}`,
    ],
    [t.overview.near, counted(nearLimit.length), t.overview.atEnd(counted(atEnd))],
  ];
  return (
    <dl class="figures">
      {figures.map(([title, value, note, exactly]) => (
        <div class="card" key={title}>
          <dt>{title}</dt>
          <dd title={exactly}>{value}</dd>
          <dd class="small muted">{note}</dd>
        </div>
      ))}
    </dl>
  );
}

const Near = ({ agents }: { agents: NearLimitAgent[] }) => (
  <section>
    <h2>{t.overview.near}</h2>
    {agents.length === 0 && <p class="muted">{t.overview.nearNone}</p>}
    <ul class="list">
      {agents.map(({ agentId, name = agentId, quota, state }) => (
        <li key={agentId + quota}>
          <a class="name grow" href={agentAddress(agentId)}>
            <Shown text={name} />
          </a>
          <QuotaMeter name={quota} state={state} />
          <span class="small muted">
            {t.quota(quota)}, {t.agent.resets} <Ago at={state.resetAt} />
          </span>
        </li>
      ))}
    </ul>
  </section>
);

function Days({ of: { days } }: { of: OverviewAnswer }) {
  const bars = days.map(({ day, tokens, usd: cost }) => ({ label: day, value: tokens, note: usd(cost) }));
  const [first, last] = [days[0]?.day ?? "", days.at(-1)?.day ?? ""];
  return (
    <section class="section">
      <h2>{t.overview.days}</h2>
      <Bars title={t.agent.useTitle(first, last)} bars={bars} />
    </section>
  );
}

function Top({ of: { top, month } }: { of: OverviewAnswer }) {
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
              cell: ({ agentId, name = agentId }) => (
                <a class="name" href={agentAddress(agentId)}>
                  <Shown text={name} />
                </a>
              ),
            },
            { key: "tokens", label: t.agent.tokens, num: true, cell: ({ tokens }) => short(tokens) },
            { key: "usd", label: "USD", num: true, cell: (row) => usd(row.usd) },
            {
              key: "share",
              label: t.overview.share,
              num: true,
              cell: ({ tokens }) => percent(month.tokens === 0 ? 0 : tokens / month.tokens),
            },
          ]}
        />
      )}
    </section>
  );
}
