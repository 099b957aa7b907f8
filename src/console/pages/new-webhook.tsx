import { useState } from "preact/hooks";
import type { WebhookCreated, WebhookFormat } from "../../schema/webhook.ts";
import { ask } from "../state/api.ts";
import { webhooksChanged } from "../state/changed.ts";
import { webhookBody } from "../state/webhook-body.ts";
import { t } from "../texts.ts";
import { SecretOnce } from "../ui/copy.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { SelectField, TextField } from "../ui/field.tsx";
import { ChangeForm } from "../ui/form.tsx";
import { useChange } from "../ui/use-change.ts";

/** The signing secret is shown once; without names of events, the webhook gets those that an operator has to know. */
export function NewWebhook({ onClose }: { onClose: () => void }) {
  const [url, setUrl] = useState("");
  const [events, setEvents] = useState("");
  const [format, setFormat] = useState<WebhookFormat>("standard");
  const [secret, setSecret] = useState("");
  const change = useChange<WebhookCreated>();
  const run = async () => {
    const body = webhookBody({ url, events, format, secret });
    const done = await change.run(() => ask("/provisioning/webhooks", { method: "POST", body }));
    webhooksChanged();
    if (done && body.secret !== undefined) onClose();
  };
  return (
    <Dialog title={t.alerts.make} held={change.busy} onClose={onClose}>
      {change.answer?.secret ? (
        <SecretOnce secret={change.answer.secret} note={t.alerts.shownOnce} />
      ) : (
        <ChangeForm change={change} onSubmit={run} submit={t.alerts.go}>
          <TextField
            label={t.alerts.url}
            hint={t.alerts.urlHint}
            type="url"
            value={url}
            onText={setUrl}
            fault={change.fault("url")}
            required
          />
          <SelectField
            label={t.alerts.format}
            value={format}
            onText={(value) => setFormat(value as WebhookFormat)}
            options={Object.entries(t.alerts.formats)}
            fault={change.fault("format")}
          />
          <TextField
            label={t.alerts.events}
            hint={t.alerts.eventsHint}
            value={events}
            onText={setEvents}
            fault={change.fault("events") ?? change.fault("events.0")}
          />
          {format === "openclaw" && (
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
