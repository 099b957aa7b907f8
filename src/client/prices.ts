import type { PriceList, PricesSet, PriceUnset, PriceView, SetPrices } from "../schema/price.ts";
import type { CallOptions } from "./call.ts";
import { type PageQuery, pagesOf } from "./pages.ts";
import { below, type Requests, segment } from "./requests.ts";

/** Filters that all hold. */
export interface PriceListQuery extends PageQuery {
  provider?: string | undefined;
  /** As requests name it. */
  model?: string | undefined;
  source?: PriceView["source"] | undefined;
}

/** Calls of `client.prices`, in USD per million tokens. */
export function priceCalls({ call, read }: Requests) {
  const listPrices = (query: PriceListQuery = {}, at?: CallOptions) =>
    read<PriceList>("/provisioning/prices", { ...query }, at);
  return {
    /** One page. */
    list: listPrices,
    pages: (query: PriceListQuery = {}, at?: CallOptions) => pagesOf((page) => listPrices(page, at), query),
    /** Those of other models stay. */
    set: (body: SetPrices, at?: CallOptions) =>
      call<PricesSet>({ method: "PUT", path: "/provisioning/prices", body, repeatable: true }, at),
    /** Not repeated after a lost answer: the repetition would say that there is no such price. */
    unset: (provider: string, model: string, at?: CallOptions) =>
      call<PriceUnset>(
        { method: "DELETE", path: below("provisioning/prices", provider, `/${segment(model)}`), repeatable: false },
        at,
      ),
  };
}
