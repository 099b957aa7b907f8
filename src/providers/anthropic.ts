import { claudeImage } from "./image-rules.ts";
import { mediaTokens } from "./media.ts";
import { toolPromptTokens } from "./tool-prompt.ts";
import {
  type BodyFields,
  countField,
  type Endpoint,
  isRecord,
  isSet,
  type MediaLimits,
  type ProviderWire,
  type Reading,
} from "./wire.ts";

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

/** Run by the client: their definitions are the provider's own and not in the body. */
const clientTool = /^(bash|text_editor|computer|memory)_\d+$/;
/** A client tool's definition and the instructions that come with it: 1,234 at most where documented. */
const clientToolTokens = 1_536;

const known = [
  "model",
  "max_tokens",
  "messages",
  "system",
  "tools",
  "stream",
  "mcp_servers",
  "container",
  "context_management",
  "output_format",
  "output_config",
];

function read(body: BodyFields, limits: MediaLimits): Reading {
  const bound = countField(body, "max_tokens");
  if ("fault" in bound) return bound;
  const models = [body.get("model")];
  let beyond = mediaTokens([body.get("messages"), body.get("system")], limits.mediaReferenceTokens, claudeImage);
  let unbounded: string | undefined;
  const tools = body.get("tools");
  if (isSet(body, "tools")) beyond += toolPromptTokens;
  if (isSet(body, "output_format") || isSet(body, "output_config")) beyond += toolPromptTokens;
  for (const tool of Array.isArray(tools) ? tools : []) {
    if (!isRecord(tool)) continue;
    if (tool.model !== undefined) models.push(tool.model);
    if (tool.type === undefined || tool.type === null || tool.type === "custom") continue;
    if (clientTool.test(String(tool.type))) beyond += clientToolTokens;
    else
      unbounded = `the tool "${String(tool.type).slice(0, 64)}" runs at the provider and reads what the request does not hold`;
  }
  if (isSet(body, "mcp_servers"))
    unbounded = "mcp_servers are called by the provider, and what they answer is not in the request";
  if (isSet(body, "container")) unbounded = "a container holds what is not in the request";
  const management = body.get("context_management");
  const edits = isRecord(management) && Array.isArray(management.edits) ? management.edits : [];
  if (edits.some((edit) => isRecord(edit) && String(edit.type).startsWith("compact"))) {
    unbounded = "compaction at the provider is a further request that nothing bounds";
  }
  return {
    models: models.filter((model) => typeof model === "string"),
    inputBeyondBytes: beyond,
    outputBound: bound.count,
    answers: 1,
    unbounded,
    cap: (tokens) => ({ max_tokens: tokens }),
  };
}

const model = /^\/v1\/models(\/[A-Za-z0-9][A-Za-z0-9._-]{0,127})?$/;

/** https://platform.claude.com/docs/en/api */
export const anthropic: ProviderWire = {
  baseUrl: "https://api.anthropic.com",
  keyPlaces: ["x-api-key", "bearer"],
  credential: (masterKey) => ["x-api-key", masterKey],
  query: new Set(["beta", "limit", "after_id", "before_id"]),

  endpoint(method, path): Endpoint | undefined {
    const body = { known, snakeCase: false, read };
    if (method === "POST" && path === "/v1/messages") return { path, format: "anthropic", body };
    if (method === "POST" && path === "/v1/messages/count_tokens") return { path, body };
    if (method === "GET" && model.test(path)) return { path };
    return undefined;
  },

  requestIdHeader: "request-id",
  error: ({ status, message, requestId }) => ({
    type: "error",
    error: { type: errorTypes[status] ?? "api_error", message },
    request_id: requestId,
  }),
};
