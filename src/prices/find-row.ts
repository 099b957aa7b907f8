import type { TableRow } from "./table-row.ts";

/**
 * Dates, build numbers, `latest` and `preview` may stand behind a name that a row begins with. A further version
 * (`-5`, `.5`) or kind (`-image`, `-mini`) is another model, of another price. Each text can be read in one way only: a
 * date in a second one (`-2024-12-31` is `-2024` and `-12-31`) would double the time of a match with every date.
 */
const sameModel = /^([-@](latest|preview|exp|\d{8}|\d\d-\d\d|\d\d-\d{4}|\d{3,4}))*$/;
/** A fine-tuned model's name goes on with its owner's: `ft:gpt-4o-2024-08-06:acme::id`. */
const fineTuned = /^([-@]\d[\d-]*)?:[^:]*:[^:]*:[^:]*$/;

/** Routes to one of the hosts of the same model, within its price: https://openrouter.ai/docs/features/provider-routing */
const openRouterSuffix = /:(nitro|floor|exacto)$/;

/** The name whose price the request has, where that is not its own name's. */
export const pricedAs = (provider: string, model: string): string =>
  provider === "openrouter" ? model.replace(openRouterSuffix, "") : model;

export type FindRow = (model: string) => TableRow | undefined;

const follows = (begin: string, rest: string): boolean => (begin.startsWith("ft:") ? fineTuned : sameModel).test(rest);

/** An exact name first, then the longest that the model's name begins with; never one from inside a name. */
export function createFindRow(provider: string, rows: readonly TableRow[]): FindRow {
  const exact = new Map(rows.flatMap((row) => row.is.map((name) => [name, row] as const)));
  const begins = rows
    .flatMap((row) => (row.begins ?? []).map((begin) => ({ begin, row })))
    .sort((a, b) => b.begin.length - a.begin.length);
  const find: FindRow = (model) =>
    exact.get(model) ??
    begins.find(({ begin }) => model.startsWith(begin) && follows(begin, model.slice(begin.length)))?.row;
  return (model) => find(model) ?? find(pricedAs(provider, model));
}
