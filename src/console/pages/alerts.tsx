import { useState } from "preact/hooks";
import type * as z from "zod/mini";
import type { WebhookList, WebhookTested, WebhookView } from "../../schema/webhook.ts";
import { ask, below } from "../state/api.ts";
import { webhooksChanged } from "../state/changed.ts";
import { addressOf, go, type Place } from "../state/router.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { Empty } from "../ui/empty.tsx";
import { ProblemNote } from "../ui/problem.tsx";
import { RowAction } from "../ui/row-action.tsx";
import { Status } from "../ui/status.tsx";
import { type Column, Table, Waiting } from "../ui/table.tsx";
import { Shown } from "../ui/text.tsx";
import { Ago } from "../ui/time.tsx";
import { say } from "../ui/toasts.tsx";
import { type Change, useChange } from "../ui/use-change.ts";
import { DeleteWebhook, RotateSecret } from "./change-webhook.tsx";
import { Deliveries } from "./deliveries.tsx";
import { NewWebhook } from "./new-webhook.tsx";

const pathOf = ({ id }: WebhookView): string => `/provisioning/webhooks${below(id)}`;

/** Webhooks, asked for again every 15 seconds, and the deliveries of the one that the address names. */
export function Alerts({ place }: { place: Place }) {
  const list = useQuery<z.infer<typeof WebhookList>>("/provisioning/webhooks", { everyMs: 15_000 });
  const [rotating, setRotating] = useState<WebhookView>();
  const [deleting, setDeleting] = useState<WebhookView>();
  const change = useChange();
  const [, id] = place.path;
  const webhooks = list.data?.webhooks ?? [];
  const open = webhooks.find((one) => one.id === id);
  return (
    <>
      <div class="head">
        <h1 class="grow">{t.alerts.title}</h1>
        <a class="button primary" href={addressOf(["alerts", "new"])}>
          {t.alerts.make}
        </a>
      </div>
      <ProblemNote error={list.error ?? change.error} again={list.error && list.again} />
      {list.loading && <Waiting />}
      {list.data && webhooks.length === 0 && (
        <Empty title={t.alerts.none} hint={t.alerts.noneHint}>
          <a class="button primary" href={addressOf(["alerts", "new"])}>
            {t.alerts.make}
          </a>
        </Empty>
      )}
      {webhooks.length > 0 && (
        <Table
          label={t.alerts.title}
          rows={webhooks}
          id={(one) => one.id}
          columns={columnsOf(change, setRotating, setDeleting)}
        />
      )}
      {open && <Deliveries key={open.id} of={open} cursor={place.query.cursor} />}
      {id === "new" && <NewWebhook onClose={() => go(["alerts"])} />}
      {rotating && <RotateSecret of={rotating} onClose={() => setRotating(undefined)} />}
      {deleting && <DeleteWebhook of={deleting} onClose={() => setDeleting(undefined)} />}
    </>
  );
}

type Choose = (webhook: WebhookView) => void;

const columnsOf = (change: Change<unknown>, rotate: Choose, remove: Choose): Column<WebhookView>[] => [
  {
    key: "url",
    label: t.alerts.url,
    cell: ({ id, url, format, source }) => (
      <div>
        <a class="name" href={addressOf(["alerts", id])}>
          <Shown text={url} />
        </a>
        <div class="small muted">
          {format}
          {source === "settings" && `, ${t.alerts.fromSettings}`}
        </div>
      </div>
    ),
  },
  { key: "events", label: t.alerts.events, cell: ({ events }) => <span class="small wrap">{events.join(", ")}</span> },
  {
    key: "status",
    label: t.alerts.status,
    cell: ({ status, disabledReason, disabledAt }) => (
      <div>
        <Status value={status === "active" ? "on" : "disabled"} />
        {disabledReason && (
          <div class="small muted">
            {t.alerts.reasons[disabledReason]} <Ago at={disabledAt} />
          </div>
        )}
      </div>
    ),
  },
  {
    key: "actions",
    label: "",
    tight: true,
    cell: (webhook) => <Actions webhook={webhook} change={change} rotate={rotate} remove={remove} />,
  },
];

function Actions({
  webhook,
  change,
  rotate,
  remove,
}: {
  webhook: WebhookView;
  change: Change<unknown>;
  rotate: Choose;
  remove: Choose;
}) {
  const isOurs = webhook.source === "api";
  const test = () =>
    change.run(async () => {
      const { delivered, status, error, ms } = await ask<WebhookTested>(`${pathOf(webhook)}/test`, { method: "POST" });
      say(delivered ? t.alerts.tested(status ?? 0, ms) : t.alerts.notTested(String(status ?? error)));
      webhooksChanged();
    });
  const toggle = () =>
    change.run(async () => {
      await ask(pathOf(webhook), { method: "PATCH", body: { disabled: webhook.status === "active" } });
      webhooksChanged();
    });
  return (
    <span class="actions">
      <RowAction label={t.alerts.test} of={webhook.url} busy={change.busy} onClick={test} />
      {isOurs && (
        <>
          <RowAction
            label={webhook.status === "active" ? t.alerts.disable : t.alerts.enable}
            of={webhook.url}
            busy={change.busy}
            onClick={toggle}
          />
          <RowAction label={t.alerts.rotate} of={webhook.url} onClick={() => rotate(webhook)} />
          <RowAction label={t.alerts.delete} of={webhook.url} danger onClick={() => remove(webhook)} />
        </>
      )}
    </span>
  );
}
