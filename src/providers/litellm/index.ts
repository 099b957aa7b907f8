import { providerFacts } from "../../domain/provider-facts.ts";
import { bearer } from "../admin/admin-request.ts";
import { customWire } from "../openai-compatible/wire.ts";
import { type Provider, virtualInstead } from "../provider.ts";
import { routedMaxOutput } from "../shared/routed-output-limits.ts";
import { litellmKeys } from "./keys.ts";
import { litellmRoot } from "./litellm-root.ts";

export const litellm: Provider = {
  wire: customWire,
  maxOutput: routedMaxOutput,
  verify: {
    read: ({ baseUrl, key }) =>
      baseUrl === undefined ? undefined : { url: `${litellmRoot(baseUrl)}/v1/models`, headers: bearer(key) },
  },
  mint: {
    enforces: ["maxRequestsPerMinute"],
    lacks: ({ baseUrl }) =>
      baseUrl === undefined ? `LiteLLM needs its --base-url to mint keys; or ${virtualInstead}.` : undefined,
    keys: ({ baseUrl, masterKey }, { send, clock }) =>
      baseUrl === undefined
        ? undefined
        : litellmKeys(send(providerFacts.litellm.title, [masterKey]), { baseUrl, masterKey, clock }),
  },
};
