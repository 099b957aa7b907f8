import table from "./table.json" with { type: "json" };
import type { PriceTable } from "./table-row.ts";

/** Seventy kilobytes that most deployments never read: to be imported when a price is asked for. */
export const priceTable = table as PriceTable;
