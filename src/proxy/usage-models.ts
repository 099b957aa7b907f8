import { writtenModel } from "../domain/written-model.ts";
import type { LedgerName } from "../ports.ts";
import type { Context } from "../service/context.ts";

/** Rows of one key and day: more models than an agent uses, and no load for who reads them. */
const mostModels = 64;
/** Stands in place of all further ones; no model can have it. */
const otherModels = "(other)";
/** Keys that are busy at once, and more. */
const maxRemembered = 10_000;

/** The name under which a request's model stands in the usage table, where anybody's text would otherwise grow rows. */
export function createUsageModels({ ledger }: Pick<Context, "ledger">) {
  const remembered = new Map<LedgerName, { day: string; models: Set<string> }>();

  async function look(usage: LedgerName, day: string): Promise<Set<string>> {
    const rows = await ledger.usage(usage, day, day);
    const known = remembered.get(usage);
    if (known?.day === day) return known.models;
    const models = new Set(rows.map(({ model }) => model));
    if (remembered.size >= maxRemembered) remembered.delete(remembered.keys().next().value!);
    remembered.set(usage, { day, models });
    return models;
  }

  function nameIn(models: Set<string>, model: string): string {
    if (models.has(model)) return model;
    if (models.size >= mostModels) return otherModels;
    models.add(model);
    return model;
  }

  /** @param day `YYYY-MM-DD` */
  return (usage: LedgerName, day: string, model: string | undefined): string | Promise<string> => {
    const written = writtenModel(model);
    const known = remembered.get(usage);
    if (known?.day === day) return nameIn(known.models, written);
    return look(usage, day).then((models) => nameIn(models, written));
  };
}
