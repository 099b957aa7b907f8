import { useState } from "preact/hooks";
import type { WebhookCreated, WebhookView } from "../../schema/webhook.ts";
import { ask, below } from "../state/api.ts";
import { webhooksChanged } from "../state/changed.ts";
import { t } from "../texts.ts";
import { Confirm } from "../ui/confirm.tsx";
import { SecretOnce } from "../ui/copy.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { SelectField, TextField } from "../ui/field.tsx";
import { ChangeForm } from "../ui/form.tsx";
import { say } from "../ui/toasts.tsx";
import { useChange } from "../ui/use-change.ts";

interface DialogProps {
  of: WebhookView;
  onClose: () => void;
}

/** The secret is made by the service, except of OpenClaw's format, in which it is the receiver's own token. */
export function RotateSecret({ of: { id, url, format }, onClose }: DialogProps) {
  const [grace, setGrace] = useState("86400");
  const [secret, setSecret] = useState("");
  const change = useChange<WebhookCreated>();
  const needsSecret = format === "openclaw";
  const run = async () => {
    const body = { graceSeconds: Number(grace), ...(secret !== "" && { secret }) };
    const done = await change.run(() =>
      ask(`/provisioning/webhooks${below(id)}/rotate-secret`, { method: "POST", body }),
    );
    webhooksChanged();
    if (done && needsSecret) onClose();
  };
  return (
    <Dialog title={`${t.alerts.rotate}: ${url}`} held={change.busy} onClose={onClose}>
      {change.answer?.secret ? (
        <SecretOnce secret={change.answer.secret} note={t.alerts.shownOnce} />
      ) : (
        <ChangeForm change={change} onSubmit={run} submit={t.alerts.rotate}>
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
        </ChangeForm>
      )}
    </Dialog>
  );
}

/** Asks first, since deliveries that wait are dropped with the webhook. */
export const DeleteWebhook = ({ of: { id, url }, onClose }: DialogProps) => (
  <Confirm
    title={`${t.alerts.delete}: ${url}`}
    submit={t.alerts.delete}
    work={() => ask(`/provisioning/webhooks${below(id)}`, { method: "DELETE" })}
    onDone={() => {
      say(t.alerts.deleted);
      webhooksChanged();
    }}
    onClose={onClose}
  >
    <p>{t.alerts.deleteAsk}</p>
  </Confirm>
);
