import { textOf } from "../providers/shared/body-fields.ts";
import type { HostedToolsRule } from "../providers/shared/wire.ts";
import type { ReadRequest } from "./read-request.ts";
import { mediaAsked, type RequestPrice } from "./request-price.ts";

/** Fields, found in any spelling, that can make a request dearer than the list price, with the values that do not. */
const atListPrice: readonly (readonly [field: string, values: readonly string[]])[] = [
  ["service_tier", ["auto", "default", "standard", "standard_only", "flex"]],
  ["speed", ["standard"]],
  ["inference_geo", ["global"]],
];

/** Each request to them is charged a search, which none of their requests states. */
const searchingModel = /-search-(preview|api)\b/;

/** Why the price that is known does not hold for the request: refused under a quota of money. */
export function unpricedFeature(
  { reading, body }: Pick<ReadRequest, "reading" | "body">,
  price: Pick<RequestPrice, "pricesMedia" | "pricesSearches">,
  models: readonly string[],
  rule: HostedToolsRule,
): string | undefined {
  for (const [field, values] of atListPrice) {
    const value = body?.get(field);
    if (value === undefined || value === null) continue;
    const text = textOf(value)
      .toLowerCase()
      .replace(/^service_tier_/, "");
    if (!values.includes(text)) return `${field} "${text.slice(0, 64)}" has a price that is not known; leave it out`;
  }
  const medium = mediaAsked(body);
  if (medium !== undefined && !price.pricesMedia) {
    return `the answer's modality "${medium.slice(0, 64)}" has a price that is not known for this model; leave it out`;
  }
  const searching = models.find((model) => searchingModel.test(model));
  if (searching !== undefined) return `"${searching.slice(0, 128)}" makes searches whose number no request states`;
  const hosted = rule === "allow" ? reading?.hosted : undefined;
  if (hosted === undefined) return undefined;
  if (hosted.statedSearches === undefined) {
    return `the tool "${hosted.names[0]!.slice(0, 64)}" is charged by its use, of which the request states no maximum; only web_search with max_uses can be used`;
  }
  return price.pricesSearches ? undefined : "no price is known for web searches with this model";
}
