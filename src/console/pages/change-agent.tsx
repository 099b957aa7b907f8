import { useState } from "preact/hooks";
import type { IssuedAiKey } from "../../schema/ai-key.ts";
import { ask, below } from "../state/api.ts";
import { agentsChanged } from "../state/changed.ts";
import { t } from "../texts.ts";
import { SecretOnce } from "../ui/copy.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { SelectField, TextField, Tick } from "../ui/field.tsx";
import { ProblemNote } from "../ui/problem.tsx";
import { say } from "../ui/toasts.tsx";
import { useChange } from "../ui/use-change.ts";

export function StandDialog({ id, verb, onClose }: { id: string; verb: "suspend" | "resume"; onClose: () => void }) {
  const change = useChange();
  const run = async (event: Event) => {
    event.preventDefault();
    if (!(await change.run(() => ask(`/agents${below(id)}/${verb}`, { method: "POST" })))) return;
    say(verb === "suspend" ? t.agent.suspended(id) : t.agent.resumed(id));
    agentsChanged();
    onClose();
  };
  return (
    <Dialog title={`${t.agent[verb]}: ${id}`} onClose={onClose}>
      <form onSubmit={run}>
        <p>{verb === "suspend" ? t.agent.suspendAsk : t.agent.resumeAsk}</p>
        <ProblemNote error={change.error} />
        <div class="actions">
          <button type="submit" class="primary" disabled={change.busy}>
            {t.agent[verb]}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export function RotateDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const [grace, setGrace] = useState("86400");
  const [reveal, setReveal] = useState(false);
  const change = useChange<{ aiKey: IssuedAiKey }>();
  const run = async (event: Event) => {
    event.preventDefault();
    await change.run(() =>
      ask(`/agents${below(id)}/ai-key/rotate`, {
        method: "POST",
        body: { graceSeconds: Number(grace), revealAiKey: reveal },
        headers: { "idempotency-key": crypto.randomUUID() },
      }),
    );
    agentsChanged();
  };
  return (
    <Dialog title={`${t.agent.rotate}: ${id}`} onClose={onClose}>
      {change.answer ? (
        change.answer.aiKey.key ? (
          <SecretOnce secret={change.answer.aiKey.key} note={t.agent.shownOnce} />
        ) : (
          <p>{t.agent.storedByHost}</p>
        )
      ) : (
        <form onSubmit={run}>
          <p>{t.agent.rotateAsk}</p>
          <SelectField label={t.agent.grace} value={grace} onText={setGrace} options={t.agent.graces} />
          <Tick label={t.agent.reveal} checked={reveal} onTick={setReveal} />
          <ProblemNote error={change.error} />
          <div class="actions">
            <button type="submit" class="primary" disabled={change.busy}>
              {t.agent.rotate}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

export function DeleteDialog({ id, onClose, onDeleted }: { id: string; onClose: () => void; onDeleted: () => void }) {
  const [typed, setTyped] = useState("");
  const [workspace, setWorkspace] = useState(false);
  const [sessions, setSessions] = useState(false);
  const change = useChange();
  const run = async (event: Event) => {
    event.preventDefault();
    const body = { deleteWorkspace: workspace, deleteSessions: sessions };
    if (!(await change.run(() => ask(`/agents${below(id)}`, { method: "DELETE", body })))) return;
    say(t.agent.deleted(id));
    onDeleted();
    agentsChanged();
  };
  return (
    <Dialog title={`${t.agent.delete}: ${id}`} onClose={onClose}>
      <form onSubmit={run}>
        <p>{t.agent.deleteAsk}</p>
        <div>
          <Tick label={t.agent.withWorkspace} checked={workspace} onTick={setWorkspace} />
          <Tick label={t.agent.withSessions} checked={sessions} onTick={setSessions} />
        </div>
        <TextField label={t.agent.typeId(id)} value={typed} onText={setTyped} />
        <ProblemNote error={change.error} />
        <div class="actions">
          <button type="submit" class="primary danger" disabled={change.busy || typed !== id}>
            {t.agent.delete}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
