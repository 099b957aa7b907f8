import { useState } from "preact/hooks";
import type { AgentCredited, Usage } from "../../schema/usage.ts";
import { ask, below } from "../state/api.ts";
import { may, useCaller } from "../state/caller.ts";
import { exact } from "../state/format.ts";
import { invalidate, useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { Bars, daily } from "../ui/bars.tsx";
import { ProblemNote } from "../ui/problem.tsx";
import { Table, Waiting } from "../ui/table.tsx";
import { say } from "../ui/toasts.tsx";
import { useChange } from "../ui/use-change.ts";

/** The agent's use, by day and by model. */
export function AgentUse({ id }: { id: string }) {
  const caller = useCaller();
  const [open, setOpen] = useState(false);
  const usage = useQuery<Usage>(`/agents${below(id)}/usage`, { everyMs: 10_000 });
  const { data } = usage;
  const hasEstimates = (data?.total.estimated ?? 0) > 0 && may(caller, "agents:update");
  return (
    <section class="section">
      <div class="head">
        <h2 class="grow">{t.agent.use}</h2>
        {hasEstimates && (
          <button type="button" onClick={() => setOpen(!open)} aria-expanded={open}>
            {t.agent.credit}
          </button>
        )}
      </div>
      <ProblemNote error={usage.error} again={usage.again} />
      {usage.loading && <Waiting />}
      {open && <Credit id={id} onDone={() => setOpen(false)} />}
      {data && data.days.length === 0 && <p class="muted">{t.agent.noUse}</p>}
      {data && data.days.length > 0 && (
        <div class="stack">
          <Bars
            title={t.agent.useTitle(data.from, data.to)}
            bars={daily(data.from, data.to, (day) => data.days.find((one) => one.day === day)?.tokens ?? 0)}
          />
          <Table
            label={t.agent.models}
            id={({ model }) => model}
            rows={data.models}
            columns={[
              { key: "model", label: t.agent.model, cell: ({ model }) => <b class="wrap">{model}</b> },
              { key: "requests", label: t.agent.requests, num: true, cell: ({ requests }) => exact(requests) },
              { key: "tokens", label: t.agent.tokens, num: true, cell: ({ tokens }) => exact(tokens) },
              { key: "estimated", label: t.agent.estimated, num: true, cell: ({ estimated }) => exact(estimated) },
            ]}
          />
        </div>
      )}
    </section>
  );
}

function Credit({ id, onDone }: { id: string; onDone: () => void }) {
  const change = useChange<AgentCredited>();
  const credit = async () => {
    const done = await change.run(async () => {
      const answer = await ask<AgentCredited>(`/agents${below(id)}/credit`, {
        method: "POST",
        body: { estimates: true },
      });
      say(t.agent.credited(exact(answer.credited.tokens)));
      return answer;
    });
    if (!done) return;
    invalidate("/agents", "/usage", "/overview");
    onDone();
  };
  return (
    <div class="note stack">
      <p>{t.agent.creditAsk}</p>
      <ProblemNote error={change.error} />
      <div class="actions">
        <button type="button" class="primary" aria-disabled={change.busy} onClick={credit}>
          {t.agent.credit}
        </button>
      </div>
    </div>
  );
}
