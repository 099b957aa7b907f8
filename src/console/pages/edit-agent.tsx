import { useState } from "preact/hooks";
import { escapeHidden } from "../../domain/hidden-characters.ts";
import type { AgentDetail } from "../../schema/agent.ts";
import type { AgentOnboarded } from "../../schema/onboard-agent.ts";
import { ask, below } from "../state/api.ts";
import { useCaller } from "../state/caller.ts";
import { agentsChanged } from "../state/changed.ts";
import { changedLabels, labelText, parseLabels } from "../state/labels.ts";
import { startOf, wordsOf } from "../state/typed.ts";
import { t } from "../texts.ts";
import { Dialog } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { ChangeForm } from "../ui/form.tsx";
import { changedHold, HoldFields, holdsAgents, holdTexts } from "../ui/hold-fields.tsx";
import { changedQuotas, QuotaFields, type QuotaTexts, quotaTexts } from "../ui/quota-fields.tsx";
import { say } from "../ui/toasts.tsx";
import { useChange } from "../ui/use-change.ts";

interface DialogProps {
  agent: AgentDetail;
  onClose: () => void;
}

/** As it was when the dialog opened: what another operator changes meanwhile was not changed here. */
const useOpened = ({ agent }: DialogProps): AgentDetail => useState(agent)[0];

/** Sends a change of the agent, and closes once it is made. */
function useUpdate({ agent, onClose }: DialogProps) {
  const change = useChange();
  const update = async (body: object) => {
    if (!(await change.run(() => ask(`/agents${below(agent.agentId)}`, { method: "PATCH", body })))) return;
    say(t.agent.saved);
    agentsChanged();
    onClose();
  };
  return { change, update };
}

/** Sends the limits that were changed, and nothing where none was. */
export function QuotasDialog(props: DialogProps) {
  const { onClose } = props;
  const agent = useOpened(props);
  const before = quotaTexts(agent.health.aiKey?.quotas ?? {});
  const [texts, setTexts] = useState<QuotaTexts>(before);
  const { change, update } = useUpdate(props);
  const save = () => {
    const quotas = changedQuotas(before, texts);
    if (Object.keys(quotas).length === 0) onClose();
    else void update({ quotas });
  };
  return (
    <Dialog title={`${t.agent.quotas}: ${agent.agentId}`} onClose={onClose}>
      <ChangeForm change={change} onSubmit={save} submit={t.agent.quotas}>
        <p class="muted">{t.agent.quotasHint}</p>
        <QuotaFields texts={texts} onChange={setTexts} fault={(name) => change.fault(`quotas.${name}`)} />
      </ChangeForm>
    </Dialog>
  );
}

/** Sends the fields that were changed; confinement is there only where the host knows it. */
export function EditDialog(props: DialogProps) {
  const { onClose } = props;
  const agent = useOpened(props);
  const [name, setName] = useState(agent.name);
  const [model, setModel] = useState(agent.model ?? "");
  const [labels, setLabels] = useState(labelText(agent.labels));
  const endBefore = agent.expiresAt?.slice(0, 10) ?? "";
  const [end, setEnd] = useState(endBefore);
  const holdBefore = holdTexts(agent);
  const [hold, setHold] = useState(holdBefore);
  const { hostKind } = useCaller().features;
  const { change, update } = useUpdate(props);
  const save = () => {
    const body = {
      ...(name !== agent.name && { name }),
      ...(model !== "" && model !== agent.model && { model }),
      ...(labels !== labelText(agent.labels) && { labels: changedLabels(agent.labels ?? {}, parseLabels(labels)) }),
      ...(end !== endBefore && { expiresAt: end === "" ? null : startOf(end) }),
      ...changedHold(holdBefore, hold),
    };
    if (Object.keys(body).length === 0) onClose();
    else void update(body);
  };
  return (
    <Dialog title={`${t.agent.editTitle}: ${agent.agentId}`} onClose={onClose}>
      <ChangeForm change={change} onSubmit={save} submit={t.agent.edit}>
        <TextField label={t.agent.name} value={name} onText={setName} fault={change.fault("name")} required />
        <TextField
          label={t.agent.model}
          hint={agent.model === undefined && t.make.modelHint}
          value={model}
          onText={setModel}
          fault={change.fault("model")}
          required={agent.model !== undefined}
        />
        <TextField
          label={t.agent.labels}
          hint={t.agent.labelsHint}
          value={labels}
          onText={setLabels}
          fault={change.fault("labels")}
        />
        {agent.health.aiKey?.mode === "virtual" && (
          <TextField
            label={t.agent.ends}
            hint={t.agent.endsHint}
            type="date"
            value={end}
            onText={setEnd}
            fault={change.fault("expiresAt")}
          />
        )}
        {holdsAgents(hostKind) && (
          <HoldFields
            texts={hold}
            onChange={setHold}
            fault={change.fault}
            unsaid={agent.confinement ? undefined : t.agent.asItIs}
          />
        )}
      </ChangeForm>
    </Dialog>
  );
}

/** Bindings, emoji and a provider's key, each a step that can fail without the others. */
export function OnboardDialog(props: DialogProps) {
  const { onClose } = props;
  const agent = useOpened(props);
  const [bindings, setBindings] = useState(agent.bindings.join(" "));
  const [emoji, setEmoji] = useState(agent.identity?.emoji ?? "");
  const [provider, setProvider] = useState("");
  const [apiKey, setApiKey] = useState("");
  const change = useChange<AgentOnboarded>();
  const run = async () => {
    const asked = {
      ...(bindings.trim() !== agent.bindings.join(" ") && { bindings: wordsOf(bindings) }),
      ...(emoji !== (agent.identity?.emoji ?? "") && { identity: { emoji } }),
      ...(provider !== "" && { auth: { provider, credentials: { apiKey } } }),
    };
    const steps = Object.keys(asked);
    if (steps.length === 0) return onClose();
    await change.run(async () => {
      const answer = await ask<AgentOnboarded>(`/agents${below(agent.agentId)}/onboard`, {
        method: "POST",
        body: { steps, ...asked },
      });
      agentsChanged();
      if (answer.failed.length > 0) return answer;
      say(t.agent.saved);
      onClose();
      return answer;
    });
  };
  return (
    <Dialog title={`${t.agent.onboard}: ${agent.agentId}`} onClose={onClose}>
      <ChangeForm change={change} onSubmit={run} submit={t.agent.onboard}>
        <p class="muted">{t.agent.onboardHint}</p>
        <TextField
          label={t.agent.bindings}
          hint={t.agent.bindingsHint}
          value={bindings}
          onText={setBindings}
          fault={change.fault("bindings")}
        />
        <TextField label={t.agent.emoji} value={emoji} onText={setEmoji} fault={change.fault("identity.emoji")} />
        <TextField
          label={t.agent.authProvider}
          value={provider}
          onText={setProvider}
          fault={change.fault("auth.provider")}
          required={apiKey !== ""}
        />
        <TextField
          label={t.agent.authKey}
          type="password"
          value={apiKey}
          onText={setApiKey}
          required={provider !== ""}
        />
        {change.answer?.errors.map(({ step, message }) => (
          <p key={step} class="note bad wrap" role="alert">
            {step}: {escapeHidden(message)}
          </p>
        ))}
      </ChangeForm>
    </Dialog>
  );
}
