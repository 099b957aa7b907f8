import { useState } from "preact/hooks";
import { hasEnded } from "../../domain/has-ended.ts";
import type { AgentDetail } from "../../schema/agent.ts";
import { below } from "../state/api.ts";
import { may, useCaller } from "../state/caller.ts";
import { labelText } from "../state/labels.ts";
import { addressOf, go } from "../state/router.ts";
import { useKeyNames } from "../state/use-key-names.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { Copyable } from "../ui/copy.tsx";
import { HoldFacts } from "../ui/hold-facts.tsx";
import { ProblemNote } from "../ui/problem.tsx";
import { Status } from "../ui/status.tsx";
import { Waiting } from "../ui/table.tsx";
import { Shown } from "../ui/text.tsx";
import { Ago } from "../ui/time.tsx";
import { AgentKey } from "./agent-key.tsx";
import { AgentTrail } from "./agent-trail.tsx";
import { AgentUse } from "./agent-use.tsx";
import { DeleteDialog, RotateDialog, StandDialog } from "./change-agent.tsx";
import { EditDialog, OnboardDialog, QuotasDialog } from "./edit-agent.tsx";

type Asked = "suspend" | "resume" | "rotate" | "quotas" | "edit" | "onboard" | "delete";

/** All of one agent's life. */
export function AgentPage({ id }: { id: string }) {
  const [asked, setAsked] = useState<Asked>();
  const agent = useQuery<AgentDetail>(`/agents${below(id)}`, { everyMs: 5_000 });
  const close = () => setAsked(undefined);
  const { data } = agent;
  const isGone = agent.error?.status === 404;
  return (
    <>
      <p class="small">
        <a href={addressOf(["agents"])}>{t.agents.title}</a>
      </p>
      <div class="head">
        <h1>{data ? <Shown text={data.name} /> : id}</h1>
        {data && !isGone && <Status value={data.status} />}
        <span class="grow" />
        {data?.managed && !isGone && <Actions agent={data} ask={setAsked} />}
      </div>
      <ProblemNote error={agent.error} again={agent.again} />
      {agent.loading && <Waiting lines={8} />}
      {data && (
        <>
          {!data.managed && <p class="note">{t.agent.foreign}</p>}
          {isOver(data) && (
            <p class="note warn">
              {t.agent.ended} <Ago at={data.expiresAt} />. {t.agent.endedRemedy}
            </p>
          )}
          <div class="columns">
            <Facts agent={data} />
            <AgentKey agent={data} />
          </div>
          {data.health.aiKey && <AgentUse id={id} />}
          <AgentTrail id={id} />
          {(asked === "suspend" || asked === "resume") && <StandDialog id={id} verb={asked} onClose={close} />}
          {asked === "rotate" && <RotateDialog id={id} onClose={close} />}
          {asked === "quotas" && <QuotasDialog agent={data} onClose={close} />}
          {asked === "edit" && <EditDialog agent={data} onClose={close} />}
          {asked === "onboard" && <OnboardDialog agent={data} onClose={close} />}
          {asked === "delete" && <DeleteDialog id={id} onClose={close} onDeleted={() => go(["agents"])} />}
        </>
      )}
    </>
  );
}

/** Whether its end has come: nobody resumes it before it has a later one. */
const isOver = ({ expiresAt }: AgentDetail): boolean => hasEnded({ expiresAt }, Date.now());

function Actions({ agent, ask }: { agent: AgentDetail; ask: (asked: Asked) => void }) {
  const caller = useCaller();
  const { features } = caller;
  const { aiKey } = agent.health;
  // Its provider holds a minted one: nothing here can stop or change it.
  const hasKey = aiKey?.mode === "virtual";
  const updates = may(caller, "agents:update");
  // The status says that an agent is broken before it says that it is suspended.
  const suspended = agent.status === "suspended" || aiKey?.status === "suspended";
  return (
    <div class="actions">
      {hasKey && updates && !isOver(agent) && (
        <button type="button" onClick={() => ask(suspended ? "resume" : "suspend")}>
          {suspended ? t.agent.resume : t.agent.suspend}
        </button>
      )}
      {hasKey && may(caller, "agents:keys") && (
        <button type="button" onClick={() => ask("rotate")}>
          {t.agent.rotate}
        </button>
      )}
      {hasKey && updates && (
        <button type="button" onClick={() => ask("quotas")}>
          {t.agent.quotas}
        </button>
      )}
      {updates && (
        <button type="button" onClick={() => ask("edit")}>
          {t.agent.edit}
        </button>
      )}
      {may(caller, "agents:onboard") && (
        <button type="button" onClick={() => ask("onboard")}>
          {t.agent.onboard}
        </button>
      )}
      {may(caller, "agents:create") && (
        <a class="button" href={addressOf(["agents", "new"], { like: agent.agentId })}>
          {t.agent.duplicate}
        </a>
      )}
      {may(caller, "agents:delete") && (
        <button
          type="button"
          class="danger"
          disabled={!features.allowDelete}
          title={features.allowDelete ? undefined : t.agent.deleteOff}
          onClick={() => ask("delete")}
        >
          {t.agent.delete}
        </button>
      )}
    </div>
  );
}

function Facts({ agent }: { agent: AgentDetail }) {
  const { health } = agent;
  const names = useKeyNames();
  const checks = (["workspace", "agentDir", "credentials"] as const).filter((name) => health[name] !== "unknown");
  return (
    <section class="section">
      <h2>{t.agent.facts}</h2>
      <dl class="facts">
        <dt>{t.agent.id}</dt>
        <dd class="mono">
          <Copyable text={agent.agentId} />
        </dd>
        {agent.model && (
          <>
            <dt>{t.agent.model}</dt>
            <dd>{agent.model}</dd>
          </>
        )}
        {agent.workspace && (
          <>
            <dt>{t.agent.workspace}</dt>
            <dd class="mono">
              <Shown text={agent.workspace} />
            </dd>
          </>
        )}
        {agent.bindings.length > 0 && (
          <>
            <dt>{t.agent.channels}</dt>
            <dd>{agent.bindings.join(", ")}</dd>
          </>
        )}
        {Object.keys(agent.labels ?? {}).length > 0 && (
          <>
            <dt>{t.agent.labels}</dt>
            <dd>{labelText(agent.labels)}</dd>
          </>
        )}
        {agent.expiresAt && (
          <>
            <dt>{isOver(agent) ? t.agent.ended : t.agent.end}</dt>
            <dd>
              <Ago at={agent.expiresAt} />
            </dd>
          </>
        )}
        {agent.confinement && (
          <>
            <dt>{t.agent.confinement}</dt>
            <dd>{agent.confinement}</dd>
          </>
        )}
        <HoldFacts agent={agent} />
        {agent.gateway && (
          <>
            <dt>{t.agent.gateway}</dt>
            <dd>{agent.gateway}</dd>
          </>
        )}
        <dt>{t.agent.health}</dt>
        <dd>
          {t.agent.host} <Status value={health.host} />{" "}
          {checks.map((name) => [name, " ", <Status key={name} value={health[name]} />, " "])}
          {health.detail && (
            <p class="warn">
              <Shown text={health.detail} />
            </p>
          )}
        </dd>
        {agent.createdBy && (
          <>
            <dt>{t.agent.by}</dt>
            <dd>{names.get(agent.createdBy) ?? agent.createdBy}</dd>
          </>
        )}
        <dt>{t.agent.made}</dt>
        <dd>
          <Ago at={agent.createdAt} />
        </dd>
        <dt>{t.agent.changed}</dt>
        <dd>
          <Ago at={agent.updatedAt} />
        </dd>
      </dl>
    </section>
  );
}
