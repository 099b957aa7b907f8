import { useState } from "preact/hooks";
import { escapeHidden } from "../../domain/hidden-characters.ts";
import type { Scope } from "../../schema/provisioning-key.ts";
import { ApiError, ask, below } from "../state/api.ts";
import { may, useCaller } from "../state/caller.ts";

import { invalidate } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { Dialog } from "../ui/dialog.tsx";
import { say } from "../ui/toasts.tsx";

interface Action {
  name: "suspend" | "resume" | "delete";
  scope: Scope;
  does: string;
  one(id: string): Promise<unknown>;
}

const actions: Action[] = [
  {
    name: "suspend",
    scope: "agents:update",
    does: t.agent.suspendAsk,
    one: (id) => ask(`/agents${below(id)}/suspend`, { method: "POST" }),
  },
  {
    name: "resume",
    scope: "agents:update",
    does: t.agent.resumeAsk,
    one: (id) => ask(`/agents${below(id)}/resume`, { method: "POST" }),
  },
  {
    name: "delete",
    scope: "agents:delete",
    does: t.agent.deleteAsk,
    one: (id) => ask(`/agents${below(id)}`, { method: "DELETE", body: {} }),
  },
];

/** What can be done to several agents at once. */
export function BulkBar({ chosen, onDone }: { chosen: ReadonlySet<string>; onDone: () => void }) {
  const caller = useCaller();
  const [action, setAction] = useState<Action>();
  if (chosen.size === 0) return null;
  const allowed = actions.filter(
    ({ name, scope }) => may(caller, scope) && (name !== "delete" || caller.features.allowDelete),
  );
  return (
    <div class="actions">
      <span class="muted">{t.bulk.chosen(chosen.size)}</span>
      {allowed.map((one) => (
        <button
          key={one.name}
          type="button"
          class={one.name === "delete" ? "danger" : ""}
          onClick={() => setAction(one)}
        >
          {t.bulk[one.name]}
        </button>
      ))}
      <button type="button" class="link" onClick={onDone}>
        {t.bulk.none}
      </button>
      {action && <BulkDialog action={action} ids={[...chosen]} onClose={() => setAction(undefined)} onDone={onDone} />}
    </div>
  );
}

function BulkDialog({
  action,
  ids,
  onClose,
  onDone,
}: {
  action: Action;
  ids: string[];
  onClose: () => void;
  onDone: () => void;
}) {
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<{ id: string; detail: string }[]>();
  const run = async () => {
    setBusy(true);
    const faults: { id: string; detail: string }[] = [];
    for (const id of ids) {
      await action.one(id).catch((error: unknown) => {
        faults.push({ id, detail: error instanceof ApiError ? error.message : String(error) });
      });
    }
    invalidate("/agents", "/overview");
    say(t.bulk.done(ids.length - faults.length));
    if (faults.length === 0) {
      onClose();
      onDone();
      return;
    }
    setBusy(false);
    setFailed(faults);
  };
  return (
    <Dialog title={t.bulk.ask(t.bulk[action.name], ids.length)} onClose={onClose}>
      <p>{action.does}</p>
      <p class="mono wrap">{ids.join(", ")}</p>
      {failed && (
        <div class="note bad" role="alert">
          <p>{t.bulk.failed(failed.length)}</p>
          <ul>
            {failed.map(({ id, detail }) => (
              <li key={id} class="wrap">
                <b>{id}</b> {escapeHidden(detail)}
              </li>
            ))}
          </ul>
        </div>
      )}
      <div class="actions">
        <button
          type="button"
          class={action.name === "delete" ? "primary danger" : "primary"}
          disabled={busy}
          onClick={run}
        >
          {t.bulk[action.name]}
        </button>
        <button type="button" onClick={onClose}>
          {t.dialog.cancel}
        </button>
      </div>
    </Dialog>
  );
}
