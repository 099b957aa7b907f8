import type { ActivityEvent } from "../../schema/event.ts";
import { exact, short } from "../state/format.ts";
import { agentAddress } from "../state/router.ts";
import { t } from "../texts.ts";
import { Table } from "../ui/table.tsx";

/** @param span of which time the events are, in words */
export function Activity({ events, span }: { events: ActivityEvent[]; span: string }) {
  const requests = events.reduce((sum, one) => sum + one.requests, 0);
  const tokens = events.reduce((sum, one) => sum + one.tokens, 0);
  const denied = events.reduce((sum, one) => sum + one.denied, 0);
  const agents = busiest(events);
  return (
    <section class="stack">
      <dl class="figures">
        {(
          [
            [t.live.requests, requests],
            [t.live.tokens, tokens],
            [t.live.denied, denied],
          ] as const
        ).map(([title, value]) => (
          <div class="card" key={title}>
            <dt>{title}</dt>
            <dd title={exact(value)}>{short(value)}</dd>
            <dd class="small muted">{span}</dd>
          </div>
        ))}
      </dl>
      {agents.length > 0 && (
        <Table
          label={t.live.agents}
          rows={agents}
          id={({ agentId }) => agentId}
          columns={[
            {
              key: "agent",
              label: t.agents.agent,
              cell: ({ agentId }) => (
                <a class="name" href={agentAddress(agentId)}>
                  {agentId}
                </a>
              ),
            },
            { key: "requests", label: t.agent.requests, num: true, cell: (one) => exact(one.requests) },
            { key: "tokens", label: t.agent.tokens, num: true, cell: (one) => exact(one.tokens) },
            { key: "denied", label: t.live.denied, num: true, cell: (one) => exact(one.denied) },
          ]}
        />
      )}
    </section>
  );
}

type Busy = ActivityEvent["agents"][number];

function busiest(events: ActivityEvent[]): Busy[] {
  const byId = new Map<string, Busy>();
  for (const { agents } of events) {
    for (const one of agents) {
      const sum = byId.get(one.agentId) ?? { agentId: one.agentId, requests: 0, tokens: 0, denied: 0 };
      byId.set(one.agentId, {
        ...sum,
        requests: sum.requests + one.requests,
        tokens: sum.tokens + one.tokens,
        denied: sum.denied + one.denied,
      });
    }
  }
  return [...byId.values()].sort((a, b) => b.tokens - a.tokens).slice(0, 10);
}
