import { useState } from "preact/hooks";
import type { WebhookCreated, WebhookView } from "../../schema/webhook.ts";
import { ask, below } from "../state/api.ts";
import { webhooksChanged } from "../state/changed.ts";
import { t } from "../texts.ts";
import { SecretOnce } from "../ui/copy.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { SelectField, TextField } from "../ui/field.tsx";
import { ProblemNote } from "../ui/problem.tsx";
import { say } from "../ui/toasts.tsx";
import { useChange } from "../ui/use-change.ts";

interface DialogProps {
  of: WebhookView;
  onClose: () => void;
}

export function RotateSecret({ of: { id, url, format }, onClose }: DialogProps) {
  const [grace, setGrace] = useState("86400");
  const [secret, setSecret] = useState("");
  const change = useChange<WebhookCreated>();
  const needsSecret = format === "openclaw";
  const run = async (event: Event) => {
    event.preventDefault();
    const body = { graceSeconds: Number(grace), ...(secret !== "" && { secret }) };
    const done = await change.run(() =>
      ask(`/provisioning/webhooks${below(id)}/rotate-secret`, { method: "POST", body }),
    );
    webhooksChanged();
    if (done && needsSecret) onClose();
  };
  return (
    <Dialog title={`${t.alerts.rotate}: ${url}`} onClose={onClose}>
      {change.answer?.secret ? (
        <SecretOnce secret={change.answer.secret} note={t.alerts.shownOnce} />
      ) : (
        <form onSubmit={run}>
          <p>{t.alerts.rotateAsk}</p>
          <SelectField label={t.alerts.grace} value={grace} onText={setGrace} options={t.agent.graces} />
          {needsSecret && (
            <TextField
              label={t.alerts.hookToken}
              type="password"
              value={secret}
              onText={setSecret}
              fault={change.fault("secret")}
              required
            />
          )}
          <ProblemNote error={change.error} />
          <div class="actions">
            <button type="submit" class="primary" disabled={change.busy}>
              {t.alerts.rotate}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

export function DeleteWebhook({ of: { id, url }, onClose }: DialogProps) {
  const change = useChange();
  const run = async (event: Event) => {
    event.preventDefault();
    if (!(await change.run(() => ask(`/provisioning/webhooks${below(id)}`, { method: "DELETE" })))) return;
    say(t.alerts.deleted);
    webhooksChanged();
    onClose();
  };
  return (
    <Dialog title={`${t.alerts.delete}: ${url}`} onClose={onClose}>
      <form onSubmit={run}>
        <p>{t.alerts.deleteAsk}</p>
        <ProblemNote error={change.error} />
        <div class="actions">
          <button type="submit" class="primary danger" disabled={change.busy}>
            {t.alerts.delete}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
