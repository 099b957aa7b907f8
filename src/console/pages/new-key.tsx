import { useState } from "preact/hooks";
import type * as z from "zod/mini";
import type { AiProviderList } from "../../schema/ai-provider.ts";
import type { CreateProvisioningKey, ProvisioningKeyIssued, Scope } from "../../schema/provisioning-key.ts";
import { ask } from "../state/api.ts";
import { keysChanged } from "../state/changed.ts";
import { startOf } from "../state/typed.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { SecretOnce } from "../ui/copy.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { SelectField, TextField, Tick } from "../ui/field.tsx";
import { ChangeForm } from "../ui/form.tsx";
import { ProblemNote } from "../ui/problem.tsx";
import { useChange } from "../ui/use-change.ts";

const allScopes = Object.keys(t.keys.scopeHint) as Scope[];
const usual: Scope[] = ["agents:create", "agents:onboard", "agents:update", "agents:keys"];

/** The scopes that most keys need are ticked; the key itself is shown once. */
export function NewKey({ onClose }: { onClose: () => void }) {
  const providers = useQuery<z.infer<typeof AiProviderList>>("/provisioning/ai-providers");
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<Scope[]>(usual);
  const [own, setOwn] = useState(false);
  const [provider, setProvider] = useState("");
  const [maxAgents, setMaxAgents] = useState("");
  const [rate, setRate] = useState("");
  const [expiry, setExpiry] = useState("");
  const change = useChange<ProvisioningKeyIssued>();
  const active = (providers.data?.keys ?? []).filter(({ status }) => status === "active");
  const run = async () => {
    const body: CreateProvisioningKey = {
      name,
      scopes: allScopes.filter((scope) => scopes.includes(scope)),
      ...(own && { reach: "own" }),
      ...(provider !== "" && { aiProviderKeyId: provider }),
      ...(maxAgents !== "" && { maxAgents: Number(maxAgents) }),
      ...(rate !== "" && { rateLimitPerMinute: Number(rate) }),
      ...(expiry !== "" && { expiresAt: startOf(expiry) }),
    };
    await change.run(() => ask("/provisioning/agent-keys", { method: "POST", body }));
    keysChanged();
  };
  const tick = (scope: Scope, on: boolean) =>
    setScopes((before) => (on ? [...before, scope] : before.filter((one) => one !== scope)));
  return (
    <Dialog title={t.keys.make} held={change.busy} onClose={onClose}>
      {change.answer ? (
        <SecretOnce secret={change.answer.key} note={t.keys.shownOnce} />
      ) : (
        <ChangeForm change={change} onSubmit={run} submit={t.keys.go}>
          <TextField label={t.keys.name} value={name} onText={setName} fault={change.fault("name")} required />
          <fieldset>
            <legend>{t.keys.scopes}</legend>
            {allScopes.map((scope) => (
              <Tick
                key={scope}
                checked={scopes.includes(scope)}
                onTick={(on) => tick(scope, on)}
                label={
                  <>
                    <code>{scope}</code> <span class="muted">{t.keys.scopeHint[scope]}</span>
                  </>
                }
              />
            ))}
          </fieldset>
          <SelectField
            label={t.keys.reach}
            value={own ? "own" : "all"}
            onText={(value) => setOwn(value === "own")}
            options={[
              ["all", t.keys.reachAll],
              ["own", t.keys.reachOwn],
            ]}
            fault={change.fault("reach")}
          />
          <SelectField
            label={t.keys.provider}
            value={provider}
            onText={setProvider}
            options={[
              ["", t.keys.noProvider],
              ...active.map((one) => [one.id, `${one.name} (${one.provider})`] as const),
            ]}
            fault={change.fault("aiProviderKeyId")}
          />
          <ProblemNote error={providers.error} again={providers.again} />
          <div class="fields">
            <TextField
              label={t.keys.maxAgents}
              inputMode="numeric"
              value={maxAgents}
              onText={setMaxAgents}
              fault={change.fault("maxAgents")}
            />
            <TextField
              label={t.keys.rate}
              inputMode="numeric"
              value={rate}
              onText={setRate}
              fault={change.fault("rateLimitPerMinute")}
            />
            <TextField
              label={t.keys.expiry}
              type="date"
              value={expiry}
              onText={setExpiry}
              fault={change.fault("expiresAt")}
            />
          </div>
        </ChangeForm>
      )}
    </Dialog>
  );
}
