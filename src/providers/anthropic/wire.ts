import { readShape } from "../shared/account.ts";
import { type BodyFields, boundField, isSet } from "../shared/body-fields.ts";
import { hostedTools } from "../shared/hosted-tools.ts";
import { claudeImage } from "../shared/image-rules.ts";
import { createMediaCounter } from "../shared/media-tokens.ts";
import { thinkingBudget } from "../shared/output-bounds.ts";
import { deciding } from "../shared/shape.ts";
import { toolPromptTokens } from "../shared/tool-prompt.ts";
import type { Endpoint, ProviderWire, Reading, ReadLimits } from "../shared/wire.ts";
import { anthropicBetas, messagesShape } from "./anthropic-shape.ts";

/** https://platform.claude.com/docs/en/api/errors */
const errorTypes: Record<number, string> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  504: "timeout_error",
};

/**
 * The budget may be above `max_tokens` where Claude thinks between its calls, and that is no bound of it then:
 * https://platform.claude.com/docs/en/build-with-claude/extended-thinking
 */
const withThoughts = (bound: number, budget: number): number => (budget < bound ? bound : bound + budget);

function read(body: BodyFields, limits: ReadLimits): Reading {
  const bound = boundField(body, "max_tokens");
  if ("fault" in bound) return bound;
  const media = createMediaCounter(limits.mediaReferenceTokens, claudeImage);
  const account = readShape(body, messagesShape, media, limits);
  if (account.fault !== undefined) return { fault: account.fault };
  return {
    models: [...account.models],
    inputBeyondBytes: media.beyond + account.beyond + (isSet(body, "tools") ? toolPromptTokens : 0),
    media,
    outputBound: bound.count && withThoughts(bound.count, thinkingBudget(body)),
    answers: 1,
    hosted: hostedTools(body, account.hostedTools),
    unbounded:
      // To fill the cache at Anthropic, and no bound at all elsewhere.
      bound.count === 0 ? "max_tokens 0 is not a bound everywhere; ask for 1" : account.unbounded,
    cap: (tokens) => ({ max_tokens: tokens }),
  };
}

const model = /^\/v1\/models(\/[A-Za-z0-9][A-Za-z0-9._-]{0,127})?$/;

const body = { known: deciding(messagesShape), snakeCase: false, read };
const countTokens: Endpoint = { path: "/v1/messages/count_tokens", betas: anthropicBetas, body };
const messages: Endpoint = { path: "/v1/messages", format: "anthropic", betas: anthropicBetas, body };

/** https://platform.claude.com/docs/en/api */
export const anthropicWire: ProviderWire = {
  keyPlaces: ["x-api-key", "bearer"],
  credential: (masterKey) => ["x-api-key", masterKey],
  query: new Set(["beta", "limit", "after_id", "before_id"]),

  endpoint(method, asked): Endpoint | undefined {
    // The AI SDK, opencode and pi take a base that carries the version.
    const path = asked.startsWith("/v1/") ? asked : `/v1${asked}`;
    if (method === "POST" && path === "/v1/messages") return messages;
    if (method === "POST" && path === "/v1/messages/count_tokens") return countTokens;
    if (method === "GET" && model.test(path)) return { path };
    return undefined;
  },

  metered: "POST /v1/messages, /v1/messages/count_tokens and GET /v1/models",
  requestIdHeader: "request-id",
  error: ({ status, message, requestId }) => ({
    type: "error",
    error: { type: errorTypes[status] ?? "api_error", message },
    request_id: requestId,
  }),
};
