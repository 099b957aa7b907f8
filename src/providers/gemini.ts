import { geminiImage } from "./image-rules.ts";
import { mediaTokens } from "./media.ts";
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

/** https://ai.google.dev/gemini-api/docs/troubleshooting */
const errorStatuses: Record<number, string> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  408: "DEADLINE_EXCEEDED",
  413: "INVALID_ARGUMENT",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  502: "UNAVAILABLE",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

const known = [
  ...["model", "contents", "content", "requests", "systemInstruction", "generationConfig", "tools"],
  ...["cachedContent", "generateContentRequest", "maxOutputTokens", "candidateCount"],
];

/** Run by the client. */
const clientTools = new Set(["functionDeclarations", "function_declarations"]);

const modelName = (value: unknown): string[] =>
  typeof value === "string" && value !== "" ? [value.replace(/^models\//, "")] : [];

function hostedTool(tools: unknown): string | undefined {
  for (const tool of Array.isArray(tools) ? tools : [tools]) {
    const hosted = isRecord(tool) ? Object.keys(tool).find((key) => !clientTools.has(key)) : undefined;
    if (hosted !== undefined) {
      return `the tool "${hosted.slice(0, 64)}" runs at the provider and reads what the request does not hold`;
    }
  }
  return undefined;
}

function read(body: BodyFields, limits: MediaLimits): Reading {
  const config = body.open("generationConfig");
  if ("fault" in config) return config;
  const bound = countField(config.body, "maxOutputTokens", 1);
  if ("fault" in bound) return bound;
  const candidates = countField(config.body, "candidateCount", 1);
  if ("fault" in candidates) return candidates;
  const requests = body.get("requests");
  const inner = body.get("generateContentRequest");
  const generationConfig = body.get("generationConfig");
  return {
    models: [
      ...modelName(body.get("model")),
      ...(Array.isArray(requests) ? requests : [inner]).flatMap((one) => (isRecord(one) ? modelName(one.model) : [])),
    ],
    inputBeyondBytes: mediaTokens(
      [body.get("contents"), body.get("content"), requests, body.get("systemInstruction")],
      limits.mediaReferenceTokens,
      geminiImage,
    ),
    outputBound: bound.count,
    answers: candidates.count ?? 1,
    unbounded:
      hostedTool(body.get("tools")) ??
      (isSet(body, "cachedContent") ? "cachedContent stands for input that the request does not hold" : undefined),
    cap: (tokens) => {
      const field =
        isRecord(generationConfig) && "max_output_tokens" in generationConfig ? "max_output_tokens" : "maxOutputTokens";
      return { generationConfig: { ...(isRecord(generationConfig) && generationConfig), [field]: tokens } };
    },
  };
}

const embedded = (body: BodyFields, limits: MediaLimits): Reading => {
  const reading = read(body, limits);
  return "fault" in reading ? reading : { ...reading, outputBound: 0 };
};

const callPath = /^(\/v1(?:beta)?\/models\/([A-Za-z0-9][A-Za-z0-9._-]{0,127})):([A-Za-z]+)$/;
const listPath = /^\/v1(?:beta)?\/models(\/[A-Za-z0-9][A-Za-z0-9._-]{0,127})?$/;

/** https://ai.google.dev/api */
export const gemini: ProviderWire = {
  baseUrl: "https://generativelanguage.googleapis.com",
  keyPlaces: ["x-goog-api-key", "query"],
  credential: (masterKey) => ["x-goog-api-key", masterKey],
  // `fields` and `$fields` are not among them: they could cut the usage out of the answer.
  query: new Set(["alt", "pageSize", "pageToken"]),

  endpoint(method, path): Endpoint | undefined {
    if (method === "GET") return listPath.test(path) ? { path } : undefined;
    const [, , model, call] = callPath.exec(path) ?? [];
    if (method !== "POST" || model === undefined) return undefined;
    const body = { known, snakeCase: true, read };
    switch (call) {
      case "generateContent":
      case "streamGenerateContent":
        return { path, model, format: "gemini", body };
      case "embedContent":
      case "batchEmbedContents":
        return { path, model, format: "gemini", body: { ...body, read: embedded } };
      case "countTokens":
        return { path, model, body };
      default:
        return undefined;
    }
  },

  error: ({ status, message }) => ({ error: { code: status, message, status: errorStatuses[status] ?? "UNKNOWN" } }),
};
