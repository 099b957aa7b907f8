import { providerFacts } from "../../domain/provider-facts.ts";
import { urlOf } from "../admin/admin-request.ts";
import { type Provider, virtualInstead } from "../provider.ts";
import { maxOutputIn } from "../shared/output-bounds.ts";
import { googleAccessToken, parseServiceAccount } from "./google-access-token.ts";
import { geminiKeys } from "./keys.ts";
import { geminiOutputLimits } from "./output-limits.ts";
import { geminiWire } from "./wire.ts";

/** Keys are Google's, and not of the Gemini API. */
const google = "Google";

export const gemini: Provider = {
  wire: geminiWire,
  maxOutput: (model) => maxOutputIn(geminiOutputLimits, model),
  versionEnd: /\/v1(beta)?$/,
  finishesUnread: "all",
  verify: {
    read: ({ baseUrl = providerFacts.gemini.baseUrl, key }) => ({
      url: urlOf(baseUrl, "/v1beta/models?pageSize=1"),
      headers: { "x-goog-api-key": key },
    }),
    // Google says 400 to a key that it does not know, and nothing else about this request could be wrong.
    refusals: [400],
    credentials: {
      title: google,
      secrets: (credentials) => [parseServiceAccount(credentials).private_key],
      check: (send, credentials, clock) => googleAccessToken(send, parseServiceAccount(credentials), clock),
    },
  },
  mint: {
    enforces: [],
    lacks: ({ project, hasCredentials }) =>
      project === undefined || !hasCredentials
        ? `Google mints keys with a service account, in a Cloud project: add the provider with --credentials FILE and --project, or ${virtualInstead}.`
        : undefined,
    noExpiry: `Google's API keys do not expire; ${virtualInstead}, or leave expiresAt out.`,
    keys({ credentials, project, masterKey }, { send, clock, sleep, googleKeysOrigin: origin }) {
      if (credentials === undefined || project === undefined) return undefined;
      const account = parseServiceAccount(credentials);
      return geminiKeys(send(google, [masterKey, account.private_key]), { account, project, origin, clock, sleep });
    },
  },
};
