import { useState } from "preact/hooks";
import type * as z from "zod/mini";
import type { AiProviderAdded, AiProviderList, AiProviderView } from "../../schema/ai-provider.ts";
import { ask, below } from "../state/api.ts";
import { providersChanged } from "../state/changed.ts";
import { addressOf, go, type Place } from "../state/router.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { Confirm } from "../ui/confirm.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Empty } from "../ui/empty.tsx";
import { TextField, Tick } from "../ui/field.tsx";
import { ChangeForm } from "../ui/form.tsx";
import { ProblemNote } from "../ui/problem.tsx";
import { RowAction } from "../ui/row-action.tsx";
import { type Column, Table, Waiting } from "../ui/table.tsx";
import { Shown } from "../ui/text.tsx";
import { Ago } from "../ui/time.tsx";
import { say } from "../ui/toasts.tsx";
import { useChange } from "../ui/use-change.ts";
import { NewProvider, verified } from "./new-provider.tsx";
import { AgentsOn, CutsOff, ProviderHealth } from "./provider-health.tsx";

/** AI providers with the state of their master keys, as `GET .../health` tells it. */
export function Providers({ place }: { place: Place }) {
  const list = useQuery<z.infer<typeof AiProviderList>>("/provisioning/ai-providers");
  const [replacing, setReplacing] = useState<AiProviderView>();
  const [revoking, setRevoking] = useState<AiProviderView>();
  const providers = list.data?.keys ?? [];
  return (
    <>
      <div class="head">
        <h1 class="grow">{t.providers.title}</h1>
        <a class="button primary" href={addressOf(["providers", "new"])}>
          {t.providers.make}
        </a>
      </div>
      <ProblemNote error={list.error} again={list.again} />
      {list.loading && <Waiting />}
      {list.data && providers.length === 0 && (
        <Empty title={t.providers.none} hint={t.providers.noneHint}>
          <a class="button primary" href={addressOf(["providers", "new"])}>
            {t.providers.make}
          </a>
        </Empty>
      )}
      {providers.length > 0 && (
        <Table
          label={t.providers.title}
          rows={providers}
          id={({ id }) => id}
          columns={columnsOf(setReplacing, setRevoking)}
        />
      )}
      {place.path[1] === "new" && <NewProvider onClose={() => go(["providers"])} />}
      {replacing && <ReplaceKey of={replacing} onClose={() => setReplacing(undefined)} />}
      {revoking && <Revoke of={revoking} onClose={() => setRevoking(undefined)} />}
    </>
  );
}

type Choose = (provider: AiProviderView) => void;

const columnsOf = (replace: Choose, revoke: Choose): Column<AiProviderView>[] => [
  {
    key: "name",
    label: t.providers.name,
    cell: ({ id, name }) => (
      <div>
        <Shown text={name} className="name" />
        <div class="small muted mono">{id}</div>
      </div>
    ),
  },
  {
    key: "kind",
    label: t.providers.kind,
    cell: ({ provider, baseUrl }) => (
      <div>
        {provider}
        {baseUrl && <div class="small muted wrap">{baseUrl}</div>}
      </div>
    ),
  },
  { key: "key", label: t.providers.key, cell: ({ hint }) => <Shown text={hint} className="mono small" /> },
  { key: "status", label: t.providers.status, cell: (provider) => <ProviderHealth of={provider} /> },
  { key: "agents", label: t.providers.agents, num: true, cell: (provider) => <AgentsOn of={provider} /> },
  {
    key: "added",
    label: t.providers.added,
    num: true,
    cell: ({ createdAt, rotatedAt }) => <Ago at={rotatedAt ?? createdAt} />,
  },
  {
    key: "actions",
    label: "",
    tight: true,
    cell: (provider) =>
      provider.status === "active" && (
        <span class="actions">
          <RowAction label={t.providers.rotate} of={provider.name} onClick={() => replace(provider)} />
          <RowAction label={t.providers.revoke} of={provider.name} danger onClick={() => revoke(provider)} />
        </span>
      ),
  },
];

function ReplaceKey({ of: { id, name }, onClose }: { of: AiProviderView; onClose: () => void }) {
  const [key, setKey] = useState("");
  const [verify, setVerify] = useState(true);
  const change = useChange<AiProviderAdded>();
  const run = async () => {
    const done = await change.run(async () => {
      const answer = await ask<AiProviderAdded>(`/provisioning/ai-providers${below(id)}/rotate`, {
        method: "POST",
        body: { key: key.trim(), verify },
      });
      say(`${t.providers.replaced} ${verified(answer)}`);
      return answer;
    });
    if (!done) return;
    providersChanged();
    onClose();
  };
  return (
    <Dialog title={`${t.providers.rotate}: ${name}`} onClose={onClose}>
      <ChangeForm change={change} onSubmit={run} submit={t.providers.rotate}>
        <p>{t.providers.rotateAsk}</p>
        <TextField
          label={t.providers.key}
          hint={t.providers.keyHint}
          type="password"
          value={key}
          onText={setKey}
          fault={change.fault("key")}
          required
        />
        <Tick label={t.providers.verify} checked={verify} onTick={setVerify} />
      </ChangeForm>
    </Dialog>
  );
}

const Revoke = ({ of, onClose }: { of: AiProviderView; onClose: () => void }) => (
  <Confirm
    title={`${t.providers.revoke}: ${of.name}`}
    submit={t.providers.revoke}
    work={() => ask(`/provisioning/ai-providers${below(of.id)}/revoke`, { method: "POST" })}
    onDone={() => {
      say(t.providers.revoked(of.name));
      providersChanged();
    }}
    onClose={onClose}
  >
    <p>{t.providers.revokeAsk}</p>
    <CutsOff of={of} />
  </Confirm>
);
