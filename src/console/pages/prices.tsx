import { useState } from "preact/hooks";
import type { PriceList, PriceRow, PriceView } from "../../schema/price.ts";
import { ask, below, withQuery } from "../state/api.ts";
import { invalidate, useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { FilterField, TextField } from "../ui/field.tsx";
import { ChangeForm } from "../ui/form.tsx";
import { Pager } from "../ui/pager.tsx";
import { ProblemNote } from "../ui/problem.tsx";
import { RowAction } from "../ui/row-action.tsx";
import { Table } from "../ui/table.tsx";
import { say } from "../ui/toasts.tsx";
import { useChange } from "../ui/use-change.ts";

const empty = { provider: "", model: "", input: "", output: "" };

/** A token's price here: one's own prices go before the settings', and those before the table. */
export function Prices() {
  const [find, setFind] = useState("");
  const [cursor, setCursor] = useState<string>();
  const stated = useQuery<PriceList>(withQuery("/provisioning/prices", { source: "api", limit: 100, cursor }));
  const found = useQuery<PriceList>(
    find === "" ? undefined : withQuery("/provisioning/prices", { model: find, limit: 20 }),
  );
  const [form, setForm] = useState(empty);
  const change = useChange();
  const removal = useChange();
  const shown = find === "" ? stated.data : found.data;
  const save = async () => {
    const row: PriceRow = {
      provider: form.provider.trim(),
      model: form.model.trim(),
      input: Number(form.input),
      output: Number(form.output),
    };
    if (!(await change.run(() => ask("/provisioning/prices", { method: "PUT", body: { prices: [row] } })))) return;
    say(t.prices.saved(row.model));
    setForm(empty);
    invalidate("/provisioning/prices");
  };
  const unset = async ({ provider, model }: PriceView) => {
    const done = await removal.run(() => ask(`/provisioning/prices${below(provider, model)}`, { method: "DELETE" }));
    if (done) invalidate("/provisioning/prices");
  };
  return (
    <section class="section stack">
      <h2>{t.prices.title}</h2>
      {stated.data && (
        <p class="muted">{t.prices.hint(stated.data.pricesAsOf, t.prices.unknown[stated.data.unknown] ?? "")}</p>
      )}
      <div class="bar">
        <FilterField label={t.prices.find} placeholder={t.prices.find} size={32} value={find} onText={setFind} />
      </div>
      <ProblemNote error={stated.error ?? found.error ?? removal.error} />
      {shown && shown.prices.length === 0 && (find !== "" || cursor === undefined) && (
        <p class="muted">{find === "" ? t.prices.none : t.prices.notFound}</p>
      )}
      {shown && shown.prices.length > 0 && (
        <Table
          label={t.prices.title}
          rows={shown.prices}
          id={({ provider, model, source }) => `${provider}/${model}/${source}`}
          columns={[
            { key: "model", label: t.agent.model, cell: ({ model }) => <b class="wrap">{model}</b> },
            { key: "provider", label: t.providers.kind, cell: ({ provider }) => provider },
            { key: "input", label: t.prices.input, num: true, cell: ({ input }) => `$${input}` },
            { key: "output", label: t.prices.output, num: true, cell: ({ output }) => `$${output}` },
            { key: "cache", label: t.prices.cacheRead, num: true, cell: ({ cacheRead }) => `$${cacheRead}` },
            { key: "source", label: t.prices.source, cell: ({ source }) => t.prices.sources[source] },
            {
              key: "unset",
              label: "",
              tight: true,
              cell: (price) =>
                price.source === "api" && (
                  <RowAction label={t.prices.unset} of={price.model} busy={removal.busy} onClick={() => unset(price)} />
                ),
            },
          ]}
        />
      )}
      {find === "" && <Pager cursor={cursor} nextCursor={stated.data?.nextCursor} go={setCursor} />}
      <details>
        <summary>{t.prices.state}</summary>
        <ChangeForm className="form section" change={change} onSubmit={save} submit={t.prices.go}>
          <div class="fields">
            {(["provider", "model", "input", "output"] as const).map((name) => (
              <TextField
                key={name}
                label={t.prices.fields[name]}
                {...(name === "input" || name === "output"
                  ? { inputMode: "decimal" as const, pattern: "[0-9.]+" }
                  : {})}
                value={form[name]}
                onText={(text) => setForm((before) => ({ ...before, [name]: text }))}
                fault={change.fault(`prices.0.${name}`)}
                required
              />
            ))}
          </div>
        </ChangeForm>
      </details>
    </section>
  );
}
