import { providerFacts } from "../../domain/provider-facts.ts";
import { bearer, urlOf } from "../admin/admin-request.ts";
import { type Provider, virtualInstead } from "../provider.ts";
import { maxOutputIn } from "../shared/output-bounds.ts";
import { openaiKeys } from "./keys.ts";
import { openAiOutputLimits } from "./output-limits.ts";
import { openaiWire } from "./wire.ts";

const { baseUrl: publicBase, title } = providerFacts.openai;

export const openai: Provider = {
  wire: openaiWire,
  maxOutput: (model) => maxOutputIn(openAiOutputLimits, model),
  finishesUnread: "unstreamed",
  // The fastest Codex model writes some 1,000.
  pace: 4_096,
  verify: {
    read({ baseUrl = publicBase, key }) {
      const path = key.startsWith("sk-admin-") ? "/organization/projects?limit=1" : "/models";
      return { url: urlOf(baseUrl, path), headers: bearer(key) };
    },
  },
  mint: {
    enforces: [],
    lacks({ project, baseUrl, hint }) {
      if (project === undefined) {
        return `OpenAI mints keys in a project, with an admin key (sk-admin-...): add the provider with --project, or ${virtualInstead}.`;
      }
      // Behind another base URL a key may look like anything.
      if (baseUrl === undefined && hint !== undefined && !hint.startsWith("sk-admin-")) {
        return `OpenAI mints keys with an admin key (sk-admin-...) only, and this provider's is ${hint}: add one, or ${virtualInstead}.`;
      }
      return undefined;
    },
    keys: ({ baseUrl = publicBase, project, masterKey }, { send, clock }) =>
      project === undefined
        ? undefined
        : openaiKeys(send(title, [masterKey]), { baseUrl, project, adminKey: masterKey, clock }),
  },
};
