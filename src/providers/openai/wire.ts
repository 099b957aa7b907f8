import { openAiImage } from "../shared/image-rules.ts";
import { deciding, model, object, type Shape } from "../shared/shape.ts";
import type { Betas, Endpoint, ProviderWire, WireError } from "../shared/wire.ts";
import { type OpenAiDialect, readChat, readEmbeddings, readResponses } from "./openai-requests.ts";
import { chatShape, embeddingsShape, responsesShape } from "./openai-shape.ts";

const errorTypes: Record<number, readonly [type: string, code: string | null]> = {
  400: ["invalid_request_error", null],
  401: ["invalid_request_error", "invalid_api_key"],
  403: ["permission_error", "forbidden"],
  413: ["invalid_request_error", "request_too_large"],
  // Not `insufficient_quota`: OpenClaw takes that for an unpaid bill and disables the profile.
  429: ["rate_limit_error", "rate_limit_exceeded"],
};

/** The body of an error as OpenAI's SDKs read it; a status without a type of its own is a `server_error`. */
export function openAiError({ status, message }: WireError): unknown {
  const [type, code] = errorTypes[status] ?? ["server_error", null];
  return { error: { message, type, param: null, code } };
}

const modelPath = /^\/models(\/[A-Za-z0-9][A-Za-z0-9._:-]{0,127}){0,3}$/;

/** The values of `openai-beta`, of which the SDKs' types know one: it asks panels of agents. */
export const openAiBetas: Betas = {
  header: "openai-beta",
  harmless: new Set(["responses=experimental", "assistants=v2", "realtime=v1"]),
  refused: new Set(["responses_multi_agent=v1", "agents=v1"]),
};

export interface OpenAiShapes {
  chat: Shape;
  responses: Shape;
  embeddings: Shape;
}

const moderations = object("input", { model });

/** The endpoints below the base that OpenAI's own SDK takes. */
export function openAiEndpoints(dialect: OpenAiDialect, shapes: OpenAiShapes): ProviderWire["endpoint"] {
  const rules = (shape: Shape) => ({ known: [...deciding(shape), "include_usage"], snakeCase: false });
  const { chat, responses, embeddings } = shapes;
  const responsesBody = { ...rules(responses), read: readResponses(dialect, responses) };
  const posts: Record<string, Endpoint> = {
    "/chat/completions": {
      path: "/chat/completions",
      format: "openai",
      betas: openAiBetas,
      body: { ...rules(chat), read: readChat(dialect, chat) },
    },
    "/responses": {
      path: "/responses",
      format: "openai-responses",
      betas: openAiBetas,
      minOutput: 16,
      body: responsesBody,
    },
    ...(dialect.free && {
      "/responses/input_tokens": { path: "/responses/input_tokens", betas: openAiBetas, body: responsesBody },
      "/moderations": {
        path: "/moderations",
        betas: openAiBetas,
        body: { ...rules(moderations), read: readEmbeddings(dialect, moderations) },
      },
    }),
    "/embeddings": {
      path: "/embeddings",
      format: "openai",
      betas: openAiBetas,
      body: { ...rules(embeddings), read: readEmbeddings(dialect, embeddings) },
    },
  };
  return (method, path) => {
    if (method === "POST") return Object.hasOwn(posts, path) ? posts[path] : undefined;
    return method === "GET" && modelPath.test(path) ? { path } : undefined;
  };
}

/** Looks for endpoints below a prefix that the base URL of the SDK carries, with or without it. */
export const below =
  (prefix: string, endpoint: ProviderWire["endpoint"]): ProviderWire["endpoint"] =>
  (method, path) =>
    endpoint(method, path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path);

/** The paths that `openAiEndpoints` takes below `prefix`. */
export const openAiMetered = (prefix: string, ...free: string[]): string => {
  const paths = ["/chat/completions", "/responses", "/embeddings", ...free].map((path) => prefix + path);
  return `POST ${paths.join(", ")} and GET ${prefix}/models`;
};

/** https://platform.openai.com/docs/api-reference */
export const openaiWire: ProviderWire = {
  keyPlaces: ["bearer"],
  credential: (masterKey) => ["authorization", `Bearer ${masterKey}`],
  query: new Set(["after", "limit", "order"]),
  endpoint: below(
    "/v1",
    openAiEndpoints(
      { chatCap: "max_completion_tokens", image: openAiImage, free: true },
      { chat: chatShape({}), responses: responsesShape({}), embeddings: embeddingsShape({}) },
    ),
  ),
  metered: openAiMetered("/v1", "/responses/input_tokens", "/moderations"),
  sleepsThrough: true,
  error: openAiError,
};
