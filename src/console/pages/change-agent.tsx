import { useState } from "preact/hooks";
import type { IssuedAiKey } from "../../schema/ai-key.ts";
import { ask, below, onceOnly } from "../state/api.ts";
import { agentsChanged } from "../state/changed.ts";
import { t } from "../texts.ts";
import { SecretOnce } from "../ui/copy.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { SelectField, TextField, Tick } from "../ui/field.tsx";
import { ChangeForm } from "../ui/form.tsx";
import { say } from "../ui/toasts.tsx";
import { useChange } from "../ui/use-change.ts";

/** Asks before an agent is suspended or resumed. */
export function StandDialog({ id, verb, onClose }: { id: string; verb: "suspend" | "resume"; onClose: () => void }) {
  const change = useChange();
  const run = async () => {
    if (!(await change.run(() => ask(`/agents${below(id)}/${verb}`, { method: "POST" })))) return;
    say(verb === "suspend" ? t.agent.suspended(id) : t.agent.resumed(id));
    agentsChanged();
    onClose();
  };
  return (
    <Dialog title={`${t.agent[verb]}: ${id}`} onClose={onClose}>
      <ChangeForm change={change} onSubmit={run} submit={t.agent[verb]}>
        <p>{verb === "suspend" ? t.agent.suspendAsk : t.agent.resumeAsk}</p>
      </ChangeForm>
    </Dialog>
  );
}

/** An answer that was lost makes no second key: each press of the button has an idempotency key. */
export function RotateDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const [grace, setGrace] = useState("86400");
  const [reveal, setReveal] = useState(false);
  const change = useChange<{ aiKey: IssuedAiKey }>();
  const run = async () => {
    await change.run(() =>
      ask(`/agents${below(id)}/ai-key/rotate`, {
        method: "POST",
        body: { graceSeconds: Number(grace), revealAiKey: reveal },
        headers: onceOnly(),
      }),
    );
    agentsChanged();
  };
  return (
    <Dialog title={`${t.agent.rotate}: ${id}`} held={change.busy} onClose={onClose}>
      {change.answer ? (
        change.answer.aiKey.key ? (
          <SecretOnce secret={change.answer.aiKey.key} note={t.agent.shownOnce} />
        ) : (
          <p>{t.agent.storedByHost}</p>
        )
      ) : (
        <ChangeForm change={change} onSubmit={run} submit={t.agent.rotate}>
          <p>{t.agent.rotateAsk}</p>
          <SelectField label={t.agent.grace} value={grace} onText={setGrace} options={t.agent.graces} />
          <Tick label={t.agent.reveal} checked={reveal} onTick={setReveal} />
        </ChangeForm>
      )}
    </Dialog>
  );
}

/** Blocked until the agent's id is typed. Workspace and sessions stay unless they are ticked. */
export function DeleteDialog({ id, onClose, onDeleted }: { id: string; onClose: () => void; onDeleted: () => void }) {
  const [typed, setTyped] = useState("");
  const [workspace, setWorkspace] = useState(false);
  const [sessions, setSessions] = useState(false);
  const change = useChange();
  const run = async () => {
    const body = { deleteWorkspace: workspace, deleteSessions: sessions };
    if (!(await change.run(() => ask(`/agents${below(id)}`, { method: "DELETE", body })))) return;
    say(t.agent.deleted(id));
    onDeleted();
    agentsChanged();
  };
  return (
    <Dialog title={`${t.agent.delete}: ${id}`} onClose={onClose}>
      <ChangeForm change={change} onSubmit={run} submit={t.agent.delete} danger blocked={typed !== id}>
        <p>{t.agent.deleteAsk}</p>
        <div>
          <Tick label={t.agent.withWorkspace} checked={workspace} onTick={setWorkspace} />
          <Tick label={t.agent.withSessions} checked={sessions} onTick={setSessions} />
        </div>
        <TextField label={t.agent.typeId(id)} value={typed} onText={setTyped} />
      </ChangeForm>
    </Dialog>
  );
}
