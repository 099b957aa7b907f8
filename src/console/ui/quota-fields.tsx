import { type QuotaName, quotaNames, quotaRules } from "../../domain/quota-rules.ts";
import type { QuotaStates } from "../../schema/quota.ts";
import { t } from "../texts.ts";
import { TextField } from "./field.tsx";

export type QuotaTexts = Record<QuotaName, string>;

/** As the fields show it; empty for a quota without a limit. */
export const quotaTexts = (states: QuotaStates): QuotaTexts => {
  const texts = quotaNames.map((name) => [name, states[name]?.limit.toString() ?? ""]);
  return Object.fromEntries(texts) as QuotaTexts;
};

const amount = (text: string): number => Number(text.replaceAll(/[\s,_]/g, ""));

/** The limits that differ; `null` removes a limit. */
export function changedQuotas(before: QuotaTexts, after: QuotaTexts): Partial<Record<QuotaName, number | null>> {
  const changed = quotaNames.filter((name) => before[name] !== after[name]);
  return Object.fromEntries(changed.map((name) => [name, after[name] === "" ? null : amount(after[name])]));
}

/** The limits that are filled in. */
export const givenQuotas = (texts: QuotaTexts): Partial<Record<QuotaName, number>> =>
  Object.fromEntries(quotaNames.filter((name) => texts[name] !== "").map((name) => [name, amount(texts[name])]));

/** A text that is no amount would be sent as `null`, which removes a limit. A comma before decimals would be lost. */
const patternOf = (name: QuotaName): string =>
  `[0-9]+([ ,_][0-9]{3})*${quotaRules[name].counter === "usd" ? "(\\.[0-9]*)?" : ""}`;

/** A field for each quota that there is. An amount may have spaces, commas and underscores between its thousands. */
export function QuotaFields({
  texts,
  onChange,
  fault,
}: {
  texts: QuotaTexts;
  onChange: (texts: QuotaTexts) => void;
  fault: (name: string) => string | undefined;
}) {
  return (
    <div class="fields">
      {quotaNames.map((name) => (
        <TextField
          key={name}
          label={t.quota(name)}
          inputMode="decimal"
          pattern={patternOf(name)}
          title={t.quotaFormat(name)}
          value={texts[name]}
          onText={(text) => onChange({ ...texts, [name]: text })}
          fault={fault(name)}
        />
      ))}
    </div>
  );
}
