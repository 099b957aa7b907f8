import { Problem } from "../../errors.ts";
import type { PriceBook } from "../../prices/price-book.ts";
import {
  mostStatedPrices,
  type PriceRow,
  type PricesSet,
  type PriceUnset,
  type PriceView,
  type SetPrices,
} from "../../schema/price.ts";
import { statedPrices } from "../../storage/ledger-names.ts";
import { auditedChange } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { priceView } from "./price-view.ts";
import { parseStated, statedRows } from "./stated-rows.ts";

const nameOf = ({ provider, model }: { provider: string; model: string }): string => `${provider}/${model}`;

/** As long as an audit line should be; the hash names all of them. */
const mostNamed = 50;

const rowText = ({ provider, model, ...rates }: PriceRow): string =>
  [`${provider}/${model}`, ...Object.entries(rates).map(([name, usd]) => `${name} ${usd}`)].join(" ");

/**
 * States prices, or states them anew; those of other models stay. Felt by every instance within a second or two.
 *
 * @throws Problem `invalid_body` where they would be more than a thousand
 */
export async function setPrices(context: Context, caller: Caller, { prices: rows }: SetPrices): Promise<PricesSet> {
  const details = { count: rows.length, prices: rows.slice(0, mostNamed).map(rowText) };
  return await auditedChange(context, caller, { action: "prices.set", details }, async (_, outcome) => {
    await changeStated(context, (before) => {
      const next = new Map([...before, ...rows].map((row) => [nameOf(row), row]));
      if (next.size > mostStatedPrices) {
        throw new Problem(
          "invalid_body",
          `These would be ${next.size} prices, and at most ${mostStatedPrices} can be stated; unset some, or state "*" for a provider.`,
        );
      }
      // The same prices are the same text, and have the same hash, in whatever order they came.
      return [...next].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
    });
    const book = await context.prices.reload();
    const changed = new Map(rows.map((row) => [nameOf(row), row])).values();
    Object.assign(outcome, versionOf(book));
    return { prices: [...changed].flatMap((row) => viewOf(book, row) ?? []), ...versionOf(book) };
  });
}

/** @throws Problem `price_not_found` where none was stated over the API */
export async function unsetPrice(
  context: Context,
  caller: Caller,
  name: { provider: string; model: string },
): Promise<PriceUnset> {
  const target = nameOf(name);
  if (!parseStated(await context.ledger.get(statedPrices)).some((row) => nameOf(row) === target)) {
    throw await notStated(context, name);
  }
  return await auditedChange(context, caller, { action: "prices.unset", target }, async (_, outcome) => {
    await changeStated(context, (before) => before.filter((row) => nameOf(row) !== target));
    const book = await context.prices.reload();
    Object.assign(outcome, versionOf(book));
    const price = viewOf(book, name);
    return { ...name, ...(price && { price }), ...versionOf(book) };
  });
}

async function notStated(context: Context, name: { provider: string; model: string }): Promise<Problem> {
  const source = (await context.prices.reload()).sourceOf(name.provider, name.model);
  const where = {
    settings: `the one that counts is in the settings, "gateway.provisioning.prices": change it there`,
    table: "the one that counts is the table's: set another to replace it",
  };
  const told = source === "settings" || source === "table" ? `; ${where[source]}` : "";
  return new Problem("price_not_found", `No price was set for "${nameOf(name).slice(0, 128)}"${told}.`);
}

const versionOf = (book: PriceBook) => ({ pricesAsOf: book.asOf, hash: book.hash });

function viewOf(book: PriceBook, name: { provider: string; model: string }): PriceView | undefined {
  const price = book.priceOf(name.provider, name.model);
  const source = book.sourceOf(name.provider, name.model);
  return price && source && priceView(name, price, source);
}

/** Two changes at one time both stay: the later one is made on what the earlier left. */
async function changeStated(
  { ledger }: Pick<Context, "ledger">,
  change: (before: PriceRow[]) => PriceRow[],
): Promise<void> {
  for (let tried = 0; tried < 20; tried++) {
    const before = await ledger.get(statedPrices);
    // Damaged rows cannot be kept: setting them anew mends the store.
    const next = change(statedRows(before) ?? []);
    const text = next.length === 0 ? undefined : JSON.stringify(next);
    if (text === before || (await ledger.replace(statedPrices, before, text))) return;
  }
  throw new Problem("store_unwritable", "The prices are being changed by many at once; try again.");
}
