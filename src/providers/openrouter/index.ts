import { providerFacts } from "../../domain/provider-facts.ts";
import { bearer, urlOf } from "../admin/admin-request.ts";
import type { Provider } from "../provider.ts";
import { routedMaxOutput } from "../shared/routed-output-limits.ts";
import { openrouterKeys } from "./keys.ts";
import { openrouterWire } from "./wire.ts";

const { baseUrl: publicBase, title } = providerFacts.openrouter;

export const openrouter: Provider = {
  wire: openrouterWire,
  maxOutput: routedMaxOutput,
  finishesUnread: "unstreamed",
  verify: {
    // Its list of models is public, and so proves nothing.
    read: ({ baseUrl = publicBase, key }) => ({ url: urlOf(baseUrl, "/key"), headers: bearer(key) }),
  },
  mint: {
    enforces: [],
    lacks: () => undefined,
    keys: ({ baseUrl = publicBase, masterKey }, { send }) =>
      openrouterKeys(send(title, [masterKey]), { baseUrl, managementKey: masterKey }),
  },
};
