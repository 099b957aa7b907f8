import { isQuotaName, type QuotaName, quotaRules, quotaUnits } from "../../domain/quota-rules.ts";

function quotaLabel(name: QuotaName): string {
  const { counter, span } = quotaRules[name];
  const { plural } = quotaUnits[counter];
  return `${plural[0]!.toUpperCase()}${plural.slice(1)} a ${span}`;
}

export const spendingTexts = {
  /** A quota of a later release goes by its own name. */
  quota: (name: string): string => (isQuotaName(name) ? quotaLabel(name) : name),
  quotaFormat: (name: QuotaName): string =>
    quotaRules[name].counter === "usd" ? "An amount, as in 1,250.50" : "A whole number, as in 20,000",
  usage: {
    title: "Usage & money",
    export: "Export CSV",
    by: "By",
    bys: {
      agent: "By agent",
      model: "By model",
      provider: "By provider",
      day: "By day",
      createdBy: "By maker",
    } as Record<string, string>,
    byLabel: (name: string) => `By label ${name}`,
    total: (usd: string, tokens: string, requests: string) => `${usd}, ${tokens} tokens, ${requests} requests`,
    name: "Name",
    from: "From",
    to: "to",
    cache: "Of it cached",
    unpriced: "Unpriced",
    nothing: "(none)",
    none: "Nothing to show yet",
    noneHint: "Agents with an AI key of this service are counted here, at list prices in USD.",
  },
  prices: {
    title: "Prices",
    hint: (day: string, unknown: string) => `USD for a million tokens; the table is of ${day}. ${unknown}`,
    unknown: {
      refuse: "A key with a limit in USD is refused for a model without a price.",
      highest: "A model without a price costs as the dearest of its provider.",
    } as Record<string, string>,
    find: "Price of a model",
    none: "No prices of your own: the table's count.",
    notFound: "No price is known for it.",
    input: "Input",
    output: "Output",
    cacheRead: "Cache read",
    source: "From",
    sources: { api: "you", settings: "the settings", table: "the table" } as Record<string, string>,
    unset: "Unset",
    state: "State a price",
    fields: {
      provider: "Provider",
      model: "Model, or *",
      input: "USD for a million input tokens",
      output: "USD for a million output tokens",
    },
    go: "State price",
    saved: (model: string) => `The price of ${model} counts from now on.`,
  },
};
