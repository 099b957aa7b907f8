import { periodOf } from "../../domain/quota.ts";
import type { Clock, Crypto, Ledger } from "../../ports.ts";
import { createPriceBook, type PriceBook } from "../../prices/price-book.ts";
import type { PriceSettings } from "../../schema/price.ts";
import { statedPrices } from "../../storage/ledger-names.ts";
import { parseStated } from "./stated-rows.ts";

/** The time for which what another instance changed may go unseen. */
const freshMs = 1000;

export interface Prices {
  /** The prices as they are now. Keep what it gives for the whole of a request: it is charged as it was reserved. */
  current(): PriceBook | Promise<PriceBook>;
  /** The prices as another instance may have changed them a moment ago. */
  reload(): Promise<PriceBook>;
}

interface PricesOf {
  ledger: Pick<Ledger, "get">;
  clock: Clock;
  crypto: Crypto;
  settings: { provisioning: { prices: PriceSettings } };
}

/** The table is read when the first price is asked for. */
export function createPrices({ ledger, clock, crypto, settings }: PricesOf): Prices {
  let known: { book: PriceBook; text: string | undefined; settings: PriceSettings; day: string } | undefined;
  let readAt = Number.NEGATIVE_INFINITY;

  async function reload(): Promise<PriceBook> {
    const now = clock.now();
    const text = await ledger.get(statedPrices);
    const day = periodOf("day", now);
    const { prices } = settings.provisioning;
    if (!known || known.text !== text || known.settings !== prices || known.day !== day) {
      const { priceTable: table } = await import("../../prices/table.ts");
      const api = parseStated(text);
      const hash = await crypto.sha256(JSON.stringify([table.hash, prices.rows, api]));
      const book = createPriceBook({ table, settings: prices.rows, api, day, hash, unknown: prices.unknown });
      known = { book, text, settings: prices, day };
    }
    readAt = now;
    return known.book;
  }

  return {
    reload,
    current() {
      const now = clock.now();
      const age = now - readAt;
      const isFresh =
        known !== undefined &&
        age >= 0 &&
        age < freshMs &&
        known.settings === settings.provisioning.prices &&
        known.day === periodOf("day", now);
      return isFresh && known ? known.book : reload();
    },
  };
}
