import type * as z from "zod/mini";
import type { DeliveryPage, DeliveryView, WebhookView } from "../../schema/webhook.ts";
import { ask, below, withQuery } from "../state/api.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { Pager } from "../ui/pager.tsx";
import { ProblemNote } from "../ui/problem.tsx";
import { RowAction } from "../ui/row-action.tsx";
import { Status } from "../ui/status.tsx";
import { Table, Waiting } from "../ui/table.tsx";
import { Shown } from "../ui/text.tsx";
import { Ago } from "../ui/time.tsx";
import { say } from "../ui/toasts.tsx";
import { useChange } from "../ui/use-change.ts";

const pageSize = 50;

/** The messages sent to one address, and their outcomes. */
export function Deliveries({ of: { id, url }, cursor }: { of: WebhookView; cursor: string | undefined }) {
  const path = `/provisioning/webhooks${below(id)}/deliveries`;
  const list = useQuery<z.infer<typeof DeliveryPage>>(withQuery(path, { cursor, limit: pageSize }), {
    everyMs: 5_000,
  });
  const change = useChange();
  const resend = async ({ messageId }: DeliveryView) => {
    if (!(await change.run(() => ask(`${path}${below(messageId)}/resend`, { method: "POST" })))) return;
    say(t.alerts.resent);
    list.again();
  };
  const deliveries = list.data?.deliveries ?? [];
  return (
    <section class="section">
      <h2 class="wrap">
        {t.alerts.deliveries}: <Shown text={url} />
      </h2>
      <ProblemNote error={list.error ?? change.error} again={list.error && list.again} />
      {list.loading && <Waiting />}
      {list.data && deliveries.length === 0 && <p class="muted">{t.alerts.noDeliveries}</p>}
      {deliveries.length > 0 && (
        <Table
          label={t.alerts.deliveries}
          rows={deliveries}
          id={({ messageId }) => messageId}
          columns={[
            {
              key: "type",
              label: t.alerts.event,
              cell: ({ type, messageId }) => (
                <div>
                  <b>{type}</b>
                  <div class="small muted mono wrap">{messageId}</div>
                </div>
              ),
            },
            { key: "state", label: t.alerts.status, cell: ({ state }) => <Status value={state} /> },
            {
              key: "answer",
              label: t.alerts.answer,
              cell: ({ status, error, ms }) => (
                <span class="small">
                  {status ?? error} {ms !== undefined && `${ms} ms`}
                </span>
              ),
            },
            { key: "attempts", label: t.alerts.attempts, num: true, cell: ({ attempts }) => attempts },
            { key: "when", label: t.alerts.when, num: true, cell: ({ createdAt }) => <Ago at={createdAt} /> },
            {
              key: "next",
              label: t.alerts.next,
              num: true,
              cell: ({ nextAttemptAt }) => nextAttemptAt && <Ago at={nextAttemptAt} />,
            },
            {
              key: "resend",
              label: "",
              tight: true,
              cell: (delivery) => (
                <RowAction
                  label={t.alerts.resend}
                  of={delivery.messageId}
                  busy={change.busy}
                  onClick={() => resend(delivery)}
                />
              ),
            },
          ]}
        />
      )}
      <Pager cursor={cursor} nextCursor={list.data?.nextCursor} />
    </section>
  );
}
