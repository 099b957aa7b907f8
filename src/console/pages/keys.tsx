import { useState } from "preact/hooks";
import type * as z from "zod/mini";
import type { ProvisioningKeyIssued, ProvisioningKeyList, ProvisioningKeyView } from "../../schema/provisioning-key.ts";
import { ask, below } from "../state/api.ts";
import { keysChanged } from "../state/changed.ts";
import { exact } from "../state/format.ts";
import { addressOf, go, type Place } from "../state/router.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { Confirm } from "../ui/confirm.tsx";
import { SecretOnce } from "../ui/copy.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Empty } from "../ui/empty.tsx";
import { SelectField } from "../ui/field.tsx";
import { ChangeForm } from "../ui/form.tsx";
import { ProblemNote } from "../ui/problem.tsx";
import { RowAction } from "../ui/row-action.tsx";
import { Status } from "../ui/status.tsx";
import { type Column, Table, Waiting } from "../ui/table.tsx";
import { Shown } from "../ui/text.tsx";
import { Ago } from "../ui/time.tsx";
import { say } from "../ui/toasts.tsx";
import { useChange } from "../ui/use-change.ts";
import { NewKey } from "./new-key.tsx";
import { Sessions } from "./sessions.tsx";

const unusedMs = 90 * 86_400_000;

/** Provisioning keys, and the console's sessions below them. One that nobody used for 90 days is marked. */
export function Keys({ place }: { place: Place }) {
  const list = useQuery<z.infer<typeof ProvisioningKeyList>>("/provisioning/agent-keys");
  const [rotating, setRotating] = useState<ProvisioningKeyView>();
  const [revoking, setRevoking] = useState<ProvisioningKeyView>();
  const keys = list.data?.keys ?? [];
  return (
    <>
      <div class="head">
        <h1 class="grow">{t.keys.title}</h1>
        <a class="button primary" href={addressOf(["keys", "new"])}>
          {t.keys.make}
        </a>
      </div>
      <ProblemNote error={list.error} again={list.again} />
      {list.loading && <Waiting />}
      {list.data && keys.length === 0 && <Empty title={t.keys.none} hint={t.keys.noneHint} />}
      {keys.length > 0 && (
        <Table label={t.keys.title} rows={keys} id={({ id }) => id} columns={columnsOf(setRotating, setRevoking)} />
      )}
      <Sessions />
      {place.path[1] === "new" && <NewKey onClose={() => go(["keys"])} />}
      {rotating && <RotateKey of={rotating} onClose={() => setRotating(undefined)} />}
      {revoking && <RevokeKey of={revoking} onClose={() => setRevoking(undefined)} />}
    </>
  );
}

type Choose = (key: ProvisioningKeyView) => void;

const isUnused = ({ status, lastUsedAt, createdAt }: ProvisioningKeyView): boolean =>
  status === "active" && Date.now() - Date.parse(lastUsedAt ?? createdAt) > unusedMs;

const columnsOf = (rotate: Choose, revoke: Choose): Column<ProvisioningKeyView>[] => [
  {
    key: "name",
    label: t.keys.name,
    cell: ({ id, name }) => (
      <div>
        <Shown text={name} className="name" />
        <div class="small muted mono">{id}</div>
      </div>
    ),
  },
  {
    key: "status",
    label: t.keys.status,
    cell: (key) => (
      <div>
        <Status value={key.status} />
        {isUnused(key) && <div class="small warn">{t.keys.unused}</div>}
      </div>
    ),
  },
  {
    key: "scopes",
    label: t.keys.scopes,
    cell: ({ scopes, reach }) => (
      <div class="small">
        {scopes.join(", ")}
        {reach === "own" && <div class="muted">{t.keys.reachOwn}</div>}
      </div>
    ),
  },
  {
    key: "agents",
    label: t.keys.agents,
    num: true,
    cell: ({ agents, maxAgents }) => exact(agents) + (maxAgents === undefined ? "" : ` / ${exact(maxAgents)}`),
  },
  { key: "calls", label: t.keys.calls, num: true, cell: ({ uses }) => exact(uses) },
  {
    key: "used",
    label: t.keys.used,
    num: true,
    cell: ({ lastUsedAt }) => (lastUsedAt ? <Ago at={lastUsedAt} /> : <span class="muted">{t.keys.never}</span>),
  },
  { key: "expires", label: t.keys.expires, num: true, cell: ({ expiresAt }) => expiresAt && <Ago at={expiresAt} /> },
  {
    key: "actions",
    label: "",
    tight: true,
    cell: (key) =>
      key.status !== "revoked" && (
        <span class="actions">
          <RowAction label={t.keys.rotate} of={key.name} onClick={() => rotate(key)} />
          <RowAction label={t.keys.revoke} of={key.name} danger onClick={() => revoke(key)} />
        </span>
      ),
  },
];

function RotateKey({ of: { id, name }, onClose }: { of: ProvisioningKeyView; onClose: () => void }) {
  const [grace, setGrace] = useState("86400");
  const change = useChange<ProvisioningKeyIssued>();
  const run = async () => {
    const body = { graceSeconds: Number(grace) };
    await change.run(() => ask(`/provisioning/agent-keys${below(id)}/rotate`, { method: "POST", body }));
    keysChanged();
  };
  return (
    <Dialog title={`${t.keys.rotate}: ${name}`} held={change.busy} onClose={onClose}>
      {change.answer ? (
        <SecretOnce secret={change.answer.key} note={t.keys.shownOnce} />
      ) : (
        <ChangeForm change={change} onSubmit={run} submit={t.keys.rotate}>
          <p>{t.keys.rotateAsk}</p>
          <SelectField label={t.agent.grace} value={grace} onText={setGrace} options={t.agent.graces} />
        </ChangeForm>
      )}
    </Dialog>
  );
}

const RevokeKey = ({ of: { id, name }, onClose }: { of: ProvisioningKeyView; onClose: () => void }) => (
  <Confirm
    title={`${t.keys.revoke}: ${name}`}
    submit={t.keys.revoke}
    work={() => ask(`/provisioning/agent-keys${below(id)}/revoke`, { method: "POST" })}
    onDone={() => {
      say(t.keys.revoked(name));
      keysChanged();
    }}
    onClose={onClose}
  >
    <p>{t.keys.revokeAsk}</p>
  </Confirm>
);
