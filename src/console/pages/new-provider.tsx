import { useState } from "preact/hooks";
import { factsOf, type ProviderKind, providerKinds } from "../../domain/provider-facts.ts";
import type { AddAiProvider, AiProviderAdded } from "../../schema/ai-provider.ts";
import { ask } from "../state/api.ts";
import { providersChanged } from "../state/changed.ts";
import { t } from "../texts.ts";
import { Dialog } from "../ui/dialog.tsx";
import { SelectField, TextField, Tick } from "../ui/field.tsx";
import { ChangeForm } from "../ui/form.tsx";
import { givenQuotas, QuotaFields, quotaTexts } from "../ui/quota-fields.tsx";
import { say } from "../ui/toasts.tsx";
import { useChange } from "../ui/use-change.ts";

/** The outcome of the key's verification. */
export const verified = ({ verification, warning }: AiProviderAdded): string =>
  `${t.providers.verified[verification]} ${warning ?? ""}`.trim();

/** The provider is asked whether it takes the master key, unless that is unticked. */
export function NewProvider({ onClose }: { onClose: () => void }) {
  const [kind, setKind] = useState<ProviderKind>("anthropic");
  const [name, setName] = useState("");
  const [key, setKey] = useState("");
  const [slug, setSlug] = useState("");
  const [baseUrl, setBaseUrl] = useState("");
  const [verify, setVerify] = useState(true);
  const [quotas, setQuotas] = useState(quotaTexts({}));
  const change = useChange<AiProviderAdded>();
  const run = async () => {
    const given = givenQuotas(quotas);
    const body: AddAiProvider = {
      provider: kind,
      name: name === "" ? t.providers.kindTitle(kind) : name,
      key: key.trim(),
      verify,
      ...(kind === "custom" && { slug }),
      ...(baseUrl !== "" && { baseUrl }),
      ...(Object.keys(given).length > 0 && { defaultQuotas: given }),
    };
    const done = await change.run(async () => {
      const answer = await ask<AiProviderAdded>("/provisioning/ai-providers", { method: "POST", body });
      say(`${answer.name}: ${verified(answer)}`);
      return answer;
    });
    if (!done) return;
    providersChanged();
    onClose();
  };
  return (
    <Dialog title={t.providers.make} onClose={onClose}>
      <ChangeForm change={change} onSubmit={run} submit={t.providers.go}>
        <SelectField
          label={t.providers.kind}
          value={kind}
          onText={(value) => setKind(value as ProviderKind)}
          options={providerKinds.map((one) => [one, t.providers.kindTitle(one)] as const)}
          fault={change.fault("provider")}
        />
        <TextField
          label={t.providers.name}
          placeholder={t.providers.kindTitle(kind)}
          value={name}
          onText={setName}
          fault={change.fault("name")}
        />
        {kind === "custom" && (
          <TextField
            label={t.providers.slug}
            hint={t.providers.slugHint}
            value={slug}
            onText={setSlug}
            fault={change.fault("slug")}
            required
          />
        )}
        <TextField
          label={t.providers.key}
          hint={t.providers.keyHint}
          type="password"
          value={key}
          onText={setKey}
          fault={change.fault("key")}
          required
        />
        <TextField
          label={t.providers.baseUrl}
          hint={factsOf(kind).baseUrl === undefined ? undefined : t.providers.baseUrlHint}
          type="url"
          value={baseUrl}
          onText={setBaseUrl}
          fault={change.fault("baseUrl")}
          required={kind === "custom"}
        />
        <Tick label={t.providers.verify} checked={verify} onTick={setVerify} />
        <details
          onInvalidCapture={({ currentTarget }) => {
            currentTarget.open = true;
          }}
        >
          <summary>{t.providers.quotas}</summary>
          <QuotaFields texts={quotas} onChange={setQuotas} fault={(one) => change.fault(`defaultQuotas.${one}`)} />
        </details>
      </ChangeForm>
    </Dialog>
  );
}
