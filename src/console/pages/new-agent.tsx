import { useEffect, useState } from "preact/hooks";
import type { AgentDetail } from "../../schema/agent.ts";
import type { ConsoleCaller } from "../../schema/console.ts";
import type { AgentCreated, CreateAgent } from "../../schema/create-agent.ts";
import { apiBase, ask, below, onceOnly } from "../state/api.ts";
import { may, useCaller } from "../state/caller.ts";
import { agentsChanged } from "../state/changed.ts";
import { labelText, parseLabels } from "../state/labels.ts";
import { addressOf, agentAddress, type Place } from "../state/router.ts";
import { useSecretAwaited } from "../state/secret-shown.ts";
import { startOf, wordsOf } from "../state/typed.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { Lines, SecretOnce } from "../ui/copy.tsx";
import { SelectField, TextField, Tick } from "../ui/field.tsx";
import { ChangeForm } from "../ui/form.tsx";
import { changedHold, HoldFields, type HoldTexts, holdsAgents, holdTexts } from "../ui/hold-fields.tsx";
import { ProblemNote } from "../ui/problem.tsx";
import { givenQuotas, QuotaFields, type QuotaTexts, quotaTexts } from "../ui/quota-fields.tsx";
import { Waiting } from "../ui/table.tsx";
import { useChange } from "../ui/use-change.ts";

interface Form {
  name: string;
  model: string;
  channels: string;
  provider: string;
  gateway: string;
  labels: string;
  end: string;
  reveal: boolean;
  quotas: QuotaTexts;
  hold: HoldTexts;
}

const noHold = holdTexts({});

/** A form, and beside it the same as a call from a shell. */
export function NewAgent({ place }: { place: Place }) {
  const caller = useCaller();
  const providers = useProviders();
  const [form, setForm] = useState<Form>({
    name: "",
    model: "",
    channels: "",
    provider: "",
    gateway: "",
    labels: "",
    end: "",
    reveal: !caller.features.storesCredentials,
    quotas: quotaTexts({}),
    hold: noHold,
  });
  const change = useChange<AgentCreated>();
  const body = bodyOf(form);
  useSecretAwaited(change.busy && body.revealAiKey === true);
  const set = (part: Partial<Form>) => setForm((before) => ({ ...before, ...part }));
  const { like } = place.query;
  const pattern = usePattern(like, set);
  useEffect(() => {
    // An agent without a key is a pattern too.
    if (like === undefined && form.provider === "" && providers[0]) set({ provider: providers[0] });
  }, [providers.join()]);
  if (!may(caller, "agents:create")) return <p class="note warn">{t.make.needsScope}</p>;
  if (change.answer) return <Made answer={change.answer} />;
  // Text that is typed before the pattern comes would be lost in it.
  if (pattern.loading) return <Waiting lines={8} />;
  const create = async () => {
    await change.run(() => ask("/agents/create", { method: "POST", body, headers: onceOnly() }));
    agentsChanged();
  };
  return (
    <>
      <p class="small">
        <a href={addressOf(["agents"])}>{t.agents.title}</a>
      </p>
      <div class="head">
        <h1>{t.make.title}</h1>
      </div>
      <ProblemNote error={pattern.error} again={pattern.again} />
      <div class="columns">
        <ChangeForm className="form" change={change} onSubmit={create} submit={change.busy ? t.make.busy : t.make.go}>
          <TextField
            label={t.make.name}
            hint={t.make.nameHint}
            value={form.name}
            onText={(name) => set({ name })}
            fault={change.fault("name")}
            required
          />
          <TextField
            label={t.make.model}
            hint={t.make.modelHint}
            value={form.model}
            onText={(model) => set({ model })}
            fault={change.fault("model")}
          />
          {providers.length > 0 ? (
            <SelectField
              label={t.make.provider}
              hint={t.make.providerHint}
              value={form.provider}
              onText={(provider) => set({ provider })}
              options={[["", t.make.noProvider], ...providers.map((one) => [one, one] as const)]}
              fault={change.fault("autoProvisionAiKey.provider")}
            />
          ) : (
            <p class="muted">{t.make.addProvider}</p>
          )}
          {form.provider !== "" && (
            <fieldset class="stack">
              <legend>{t.make.quotas}</legend>
              <p class="small muted">{t.agent.quotasHint}</p>
              <QuotaFields
                texts={form.quotas}
                onChange={(quotas) => set({ quotas })}
                fault={(name) => change.fault(`autoProvisionAiKey.quotas.${name}`)}
              />
              <Tick label={t.make.reveal} checked={form.reveal} onTick={(reveal) => set({ reveal })} />
            </fieldset>
          )}
          <TextField
            label={t.make.channels}
            hint={t.make.channelsHint}
            value={form.channels}
            onText={(channels) => set({ channels })}
            fault={change.fault("bind") ?? change.fault("bind.0")}
          />
          <TextField
            label={t.agent.labels}
            hint={t.agent.labelsHint}
            value={form.labels}
            onText={(labels) => set({ labels })}
            fault={change.fault("labels")}
          />
          {form.provider !== "" && (
            <TextField
              label={t.agent.ends}
              hint={t.agent.endsHint}
              type="date"
              value={form.end}
              onText={(end) => set({ end })}
              fault={change.fault("expiresAt")}
            />
          )}
          {holdsAgents(caller.features.hostKind) && (
            <HoldFields
              texts={form.hold}
              onChange={(hold) => set({ hold })}
              fault={change.fault}
              unsaid={t.make.usualConfinement}
            />
          )}
          {caller.features.gateways.length > 1 && (
            <SelectField
              label={t.make.gateway}
              value={form.gateway}
              onText={(gateway) => set({ gateway })}
              options={[["", t.make.anyGateway], ...caller.features.gateways.map((one) => [one, one] as const)]}
            />
          )}
        </ChangeForm>
        <section class="stack">
          <h2>{t.make.curl}</h2>
          <p class="muted small">{t.make.curlHint}</p>
          <Lines text={curlOf(body)} />
        </section>
      </div>
    </>
  );
}

/** The providers whose keys the caller may give, asked for anew: one may have been added since the sign-in. */
function useProviders(): string[] {
  const before = useCaller();
  const caller = useQuery<ConsoleCaller>("/console/session");
  return (caller.data ?? before).aiProviders;
}

/** Fills the form in from another agent. */
function usePattern(like: string | undefined, set: (part: Partial<Form>) => void) {
  const pattern = useQuery<AgentDetail>(like === undefined ? undefined : `/agents${below(like)}`);
  useEffect(() => {
    if (!pattern.data) return;
    const { model, gateway, health, labels, confinement, tools } = pattern.data;
    set({
      model: model ?? "",
      labels: labelText(labels),
      gateway: gateway ?? "",
      hold: holdTexts({ confinement, tools }),
      ...(health.aiKey && { provider: health.aiKey.provider, quotas: quotaTexts(health.aiKey.quotas) }),
    });
  }, [pattern.data === undefined]);
  return pattern;
}

function bodyOf({ name, model, channels, provider, gateway, labels, end, reveal, quotas, hold }: Form): CreateAgent {
  const bind = wordsOf(channels);
  const given = givenQuotas(quotas);
  return {
    name,
    ...(model !== "" && { model }),
    ...(bind.length > 0 && { bind }),
    ...(gateway !== "" && { gateway }),
    ...changedHold(noHold, hold),
    ...(labels.trim() !== "" && { labels: parseLabels(labels) }),
    ...(end !== "" && provider !== "" && { expiresAt: startOf(end) }),
    ...(provider !== "" && {
      autoProvisionAiKey: {
        provider,
        ...(Object.keys(given).length > 0 && { quotas: given }),
      },
      ...(reveal && { revealAiKey: true }),
    }),
  };
}

/** A shell changes nothing in single quotes but their end. */
const curlOf = (body: CreateAgent): string =>
  `curl -X POST ${apiBase()}/agents/create \\
  -H "Authorization: Bearer $TOKEN" \\
  -H "X-Agent-Provisioning-Key: $KEY" \\
  -H 'Content-Type: application/json' \\
  -d '${JSON.stringify(body, null, 2).replaceAll("'", "'\\''")}'`;

function Made({ answer }: { answer: AgentCreated }) {
  return (
    <div class="form">
      <h1>{t.make.made(answer.agentId)}</h1>
      {answer.aiKey?.key && <SecretOnce secret={answer.aiKey.key} note={t.agent.shownOnce} />}
      <div class="actions">
        <a class="button primary" href={agentAddress(answer.agentId)}>
          {t.make.open}
        </a>
        <button type="button" onClick={() => location.reload()}>
          {t.make.another}
        </button>
      </div>
    </div>
  );
}
