import { useState } from "preact/hooks";
import { bulkBatch } from "../../domain/bulk-batch.ts";
import { escapeHidden } from "../../domain/hidden-characters.ts";
import type { BulkAction, BulkChange, BulkChanged } from "../../schema/bulk.ts";
import type { Scope } from "../../schema/provisioning-key.ts";
import { ask, onceOnly } from "../state/api.ts";
import { may, useCaller } from "../state/caller.ts";
import { agentsChanged } from "../state/changed.ts";
import { parseLabelChange } from "../state/labels.ts";
import { t } from "../texts.ts";
import { Dialog } from "../ui/dialog.tsx";
import { SelectField, TextField } from "../ui/field.tsx";
import { ChangeForm } from "../ui/form.tsx";
import { givenQuotas, QuotaFields, quotaTexts } from "../ui/quota-fields.tsx";
import { say } from "../ui/toasts.tsx";
import { useChange } from "../ui/use-change.ts";

const actions: { name: BulkAction; scope: Scope; does: string }[] = [
  { name: "suspend", scope: "agents:update", does: t.agent.suspendAsk },
  { name: "resume", scope: "agents:update", does: t.agent.resumeAsk },
  { name: "update", scope: "agents:update", does: t.bulk.updateAsk },
  { name: "rotate", scope: "agents:keys", does: t.agent.rotateAsk },
  { name: "delete", scope: "agents:delete", does: t.agent.deleteAsk },
];

/** The actions on several agents at once; those for which one was not done stay chosen. */
export function BulkBar({ chosen, onDone }: { chosen: ReadonlySet<string>; onDone: (left: string[]) => void }) {
  const caller = useCaller();
  const [action, setAction] = useState<(typeof actions)[number]>();
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
      <button type="button" class="link" onClick={() => onDone([])}>
        {t.bulk.none}
      </button>
      {action && <BulkDialog {...action} ids={[...chosen]} onClose={() => setAction(undefined)} onDone={onDone} />}
    </div>
  );
}

interface BulkProps {
  name: BulkAction;
  does: string;
  ids: string[];
  onClose: () => void;
  onDone: (left: string[]) => void;
}

function BulkDialog({ name, does, ids, onClose, onDone }: BulkProps) {
  const [quotas, setQuotas] = useState(quotaTexts({}));
  const [labels, setLabels] = useState("");
  const [grace, setGrace] = useState("86400");
  const change = useChange<Pick<BulkChanged, "failed">>();
  const given = givenQuotas(quotas);
  const body: Omit<BulkChange, "agentIds"> = {
    action: name,
    ...(name === "rotate" && { graceSeconds: Number(grace) }),
    ...(name === "update" && Object.keys(given).length > 0 && { quotas: given }),
    ...(name === "update" && labels.trim() !== "" && { labels: parseLabelChange(labels) }),
  };
  const run = async () => {
    await change.run(async () => {
      const batches: BulkChanged[] = [];
      const failed = () => batches.flatMap((batch) => batch.failed);
      const left = () => ids.slice(batches.length * bulkBatch);
      try {
        while (left().length > 0) {
          const agentIds = left().slice(0, bulkBatch);
          batches.push(
            await ask<BulkChanged>("/agents/bulk", {
              method: "POST",
              body: { ...body, agentIds },
              headers: onceOnly(),
            }),
          );
        }
        if (failed().length === 0) onClose();
        return { failed: failed() };
      } finally {
        // Agents that are changed are chosen no more, though a later call fails.
        if (batches.length > 0) {
          say(t.bulk.done(batches.flatMap(({ succeeded }) => succeeded).length));
          agentsChanged();
          onDone([...failed().map(({ agentId }) => agentId), ...left()]);
        }
      }
    });
  };
  return (
    <Dialog title={t.bulk.ask(t.bulk[name], ids.length)} onClose={onClose}>
      <ChangeForm
        change={change}
        onSubmit={run}
        submit={t.bulk[name]}
        danger={name === "delete"}
        beside={
          <button type="button" onClick={onClose}>
            {t.dialog.cancel}
          </button>
        }
      >
        <p>{does}</p>
        <p class="mono small wrap">{ids.join(", ")}</p>
        {name === "update" && (
          <>
            <QuotaFields texts={quotas} onChange={setQuotas} fault={(one) => change.fault(`quotas.${one}`)} />
            <TextField
              label={t.agent.labels}
              hint={t.bulk.labelsHint}
              value={labels}
              onText={setLabels}
              fault={change.fault("labels")}
            />
          </>
        )}
        {name === "rotate" && (
          <SelectField label={t.agent.grace} value={grace} onText={setGrace} options={t.agent.graces} />
        )}
        {change.answer && <Failed failed={change.answer.failed} />}
      </ChangeForm>
    </Dialog>
  );
}

const Failed = ({ failed }: Pick<BulkChanged, "failed">) => (
  <div class="note bad" role="alert">
    <p>{t.bulk.failed(failed.length)}</p>
    <ul>
      {failed.map(({ agentId, detail }) => (
        <li key={agentId} class="wrap">
          <b>{agentId}</b> {escapeHidden(detail)}
        </li>
      ))}
    </ul>
  </div>
);
