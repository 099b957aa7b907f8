import type * as z from "zod/mini";
import type { ConsoleSessionList, ConsoleSessionView } from "../../schema/console.ts";
import { ask, below } from "../state/api.ts";
import { useCaller } from "../state/caller.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { ProblemNote } from "../ui/problem.tsx";
import { RowAction } from "../ui/row-action.tsx";
import { Table } from "../ui/table.tsx";
import { Shown } from "../ui/text.tsx";
import { Ago } from "../ui/time.tsx";
import { say } from "../ui/toasts.tsx";
import { useChange } from "../ui/use-change.ts";

/** The sessions that are in the console now. */
export function Sessions() {
  const caller = useCaller();
  const list = useQuery<z.infer<typeof ConsoleSessionList>>("/provisioning/sessions", { everyMs: 15_000 });
  const change = useChange();
  const end = async ({ id }: ConsoleSessionView) => {
    if (!(await change.run(() => ask(`/provisioning/sessions${below(id)}/revoke`, { method: "POST" })))) return;
    say(t.keys.ended);
    list.again();
  };
  const sessions = list.data?.sessions ?? [];
  return (
    <section class="section">
      <h2>{t.keys.sessions}</h2>
      <p class="muted">{t.keys.sessionsHint}</p>
      <ProblemNote error={list.error ?? change.error} again={list.error && list.again} />
      {sessions.length > 0 && (
        <Table
          label={t.keys.sessions}
          rows={sessions}
          id={({ id }) => id}
          columns={[
            {
              key: "who",
              label: t.keys.session,
              cell: ({ id, actor, keyName }) => (
                <span>
                  <Shown text={keyName ?? actor} className="name" />{" "}
                  {id === caller.id && <span class="small muted">{t.keys.yours}</span>}
                </span>
              ),
            },
            { key: "opened", label: t.keys.opened, num: true, cell: ({ openedAt }) => <Ago at={openedAt} /> },
            { key: "used", label: t.keys.lastUse, num: true, cell: ({ usedAt }) => <Ago at={usedAt} /> },
            { key: "ends", label: t.keys.ends, num: true, cell: ({ expiresAt }) => <Ago at={expiresAt} /> },
            { key: "from", label: t.keys.from, cell: ({ address }) => address && <span class="mono">{address}</span> },
            {
              key: "end",
              label: "",
              tight: true,
              cell: (session) => (
                <RowAction
                  label={t.keys.end}
                  of={session.keyName ?? session.actor}
                  danger
                  onClick={() => end(session)}
                />
              ),
            },
          ]}
        />
      )}
    </section>
  );
}
