import * as z from "zod/mini";
import { route } from "../http/call.ts";
import { PageQuery } from "../schema/page-query.ts";
import { PriceList, PriceQuery, PricesSet, PriceUnset, SetPrices } from "../schema/price.ts";
import { listPrices } from "../service/prices/list-prices.ts";
import { setPrices, unsetPrice } from "../service/prices/set-prices.ts";

const path = "/provisioning/prices";

export const listPricesRoute = route({
  method: "GET",
  path,
  operationId: "listPrices",
  summary: "List the prices of models, in USD per million tokens",
  scope: "provisioning:admin",
  query: z.extend(PageQuery, { cursor: z.optional(z.string().check(z.maxLength(300))), ...PriceQuery }),
  response: { status: 200, description: "One page, in ascending order of provider and model", schema: PriceList },
  problems: [],
  async handle({ context, query }) {
    return { body: await listPrices(context, query) };
  },
});

export const setPricesRoute = route({
  method: "PUT",
  path,
  operationId: "setPrices",
  summary: "State prices; those of other models stay",
  scope: "provisioning:admin",
  body: SetPrices,
  response: { status: 200, description: "The prices that were set, as they count now", schema: PricesSet },
  problems: [],
  async handle({ context, caller, body }) {
    return { body: await setPrices(context, caller, body) };
  },
});

export const unsetPriceRoute = route({
  method: "DELETE",
  path: `${path}/:provider/:model`,
  operationId: "unsetPrice",
  summary: "Take back a price that was set; that of the settings or of the table counts again",
  scope: "provisioning:admin",
  response: { status: 200, description: "The price that counts from here on", schema: PriceUnset },
  problems: ["price_not_found"],
  async handle({ context, caller, params }) {
    const name = { provider: params.provider!, model: params.model! };
    return { body: await unsetPrice(context, caller, name) };
  },
});
