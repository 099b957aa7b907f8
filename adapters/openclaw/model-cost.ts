import { fromMicroUsd } from "../../src/domain/micro-usd.ts";
import { createFindRow } from "../../src/prices/find-row.ts";
import { priceTable } from "../../src/prices/table.ts";
import { priceOn } from "../../src/prices/table-row.ts";

/** USD per million tokens, as OpenClaw's own usage page multiplies it. */
export interface ModelCost {
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
}

const unknown: ModelCost = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };

/**
 * The list price of a model on a day (`YYYY-MM-DD`), so that OpenClaw's page says the same as ours. OpenClaw knows no
 * price that is not known but 0, and holds nobody to a budget by it.
 */
export function modelCost(slug: string, model: string, day: string): ModelCost {
  const rows = Object.hasOwn(priceTable.providers, slug) ? priceTable.providers[slug]! : [];
  const row = createFindRow(slug, rows)(model);
  if (!row) return unknown;
  const { input, output, cacheRead, cacheWrite } = priceOn(row, day);
  return {
    input: fromMicroUsd(input),
    output: fromMicroUsd(output),
    cacheRead: fromMicroUsd(cacheRead),
    cacheWrite: fromMicroUsd(cacheWrite),
  };
}
