import { bearer, urlOf } from "../admin/admin-request.ts";
import { type Provider, virtualInstead } from "../provider.ts";
import { customWire } from "./wire.ts";

export const custom: Provider = {
  wire: customWire,
  maxOutput: () => undefined,
  verify: {
    read: ({ baseUrl, key }) =>
      baseUrl === undefined ? undefined : { url: urlOf(baseUrl, "/models"), headers: bearer(key) },
  },
  mint: {
    enforces: [],
    lacks: () => `A provider of your own has no API for minting keys; ${virtualInstead}.`,
  },
};
