import { openAiImage } from "./image-rules.ts";
import {
  chatFields,
  embeddingFields,
  type OpenAiDialect,
  readChat,
  readEmbeddings,
  readResponses,
  responsesFields,
} from "./openai-requests.ts";
import type { Endpoint, ProviderWire, WireError } from "./wire.ts";

const errorTypes: Record<number, readonly [type: string, code: string | null]> = {
  400: ["invalid_request_error", null],
  401: ["invalid_request_error", "invalid_api_key"],
  403: ["permission_error", "forbidden"],
  413: ["invalid_request_error", "request_too_large"],
  // Not `insufficient_quota`: OpenClaw takes that for an unpaid bill and disables the profile.
  429: ["rate_limit_error", "rate_limit_exceeded"],
};

export function openAiError({ status, message }: WireError): unknown {
  const [type, code] = errorTypes[status] ?? ["server_error", null];
  return { error: { message, type, param: null, code } };
}

const modelPath = /^\/models(\/[A-Za-z0-9][A-Za-z0-9._:-]{0,127}){0,3}$/;

/** The endpoints below the base that OpenAI's own SDK takes. */
export function openAiEndpoints(dialect: OpenAiDialect): ProviderWire["endpoint"] {
  const fields = (known: readonly string[]) => ({
    known: [...known, ...dialect.unbounded, ...dialect.refused],
    snakeCase: false,
  });
  const posts: Record<string, Endpoint> = {
    "/chat/completions": {
      path: "/chat/completions",
      format: "openai",
      body: { ...fields(chatFields), read: readChat(dialect) },
    },
    "/responses": {
      path: "/responses",
      format: "openai-responses",
      minOutput: 16,
      body: { ...fields(responsesFields), read: readResponses(dialect) },
    },
    "/embeddings": {
      path: "/embeddings",
      format: "openai",
      body: { ...fields(embeddingFields), read: readEmbeddings(dialect) },
    },
  };
  return (method, path) => {
    if (method === "POST") return Object.hasOwn(posts, path) ? posts[path] : undefined;
    return method === "GET" && modelPath.test(path) ? { path } : undefined;
  };
}

/** Looks for endpoints below a prefix that the base URL of the SDK carries. */
export const below =
  (prefix: string, endpoint: ProviderWire["endpoint"]): ProviderWire["endpoint"] =>
  (method, path) =>
    path.startsWith(`${prefix}/`) ? endpoint(method, path.slice(prefix.length)) : undefined;

/** https://platform.openai.com/docs/api-reference */
export const openai: ProviderWire = {
  baseUrl: "https://api.openai.com/v1",
  keyPlaces: ["bearer"],
  credential: (masterKey) => ["authorization", `Bearer ${masterKey}`],
  query: new Set(["after", "limit", "order"]),
  endpoint: below(
    "/v1",
    openAiEndpoints({ chatCap: "max_completion_tokens", image: openAiImage, unbounded: [], refused: [] }),
  ),
  error: openAiError,
};
