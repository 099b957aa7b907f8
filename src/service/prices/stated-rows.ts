import * as z from "zod/mini";
import { parsedJson } from "../../domain/parsed-json.ts";
import { Problem } from "../../errors.ts";
import { PriceRow } from "../../schema/price.ts";

const Rows = z.array(PriceRow);

/** `undefined` where the text is damaged. */
export function statedRows(text: string | undefined): PriceRow[] | undefined {
  if (text === undefined) return [];
  return Rows.safeParse(parsedJson(text)).data;
}

/** @throws Problem `store_unreadable`: no price is better than a wrong one */
export function parseStated(text: string | undefined): PriceRow[] {
  const rows = statedRows(text);
  if (rows) return rows;
  throw new Problem(
    "store_unreadable",
    "The stored prices are damaged; set all of them anew with `provisioning prices import`.",
  );
}
