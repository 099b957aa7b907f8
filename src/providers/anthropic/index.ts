import { providerFacts } from "../../domain/provider-facts.ts";
import { urlOf } from "../admin/admin-request.ts";
import { type Provider, virtualInstead } from "../provider.ts";
import { maxOutputIn } from "../shared/output-bounds.ts";
import { claudeOutputLimits } from "./output-limits.ts";
import { anthropicWire } from "./wire.ts";

export const anthropic: Provider = {
  wire: anthropicWire,
  maxOutput: (model) => maxOutputIn(claudeOutputLimits, model),
  versionEnd: /\/v1$/,
  finishesUnread: "unstreamed",
  // Claude in fast mode writes some 200 tokens a second.
  pace: 1_024,
  verify: {
    read({ baseUrl = providerFacts.anthropic.baseUrl, key }) {
      // An admin key is refused by the API that ordinary keys are for, and the other way round.
      const path = key.startsWith("sk-ant-admin") ? "/v1/organizations/me" : "/v1/models?limit=1";
      return { url: urlOf(baseUrl, path), headers: { "x-api-key": key, "anthropic-version": "2023-06-01" } };
    },
  },
  mint: {
    enforces: [],
    lacks: () =>
      `Anthropic has no API that creates keys; ${virtualInstead}, which gives the agent a key of its own through the metering proxy.`,
  },
};
