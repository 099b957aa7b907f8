import { isRecord } from "../../domain/is-record.ts";
import { readShape } from "../shared/account.ts";
import { type BodyFields, boundField, countField } from "../shared/body-fields.ts";
import { hostedTools } from "../shared/hosted-tools.ts";
import { geminiImage } from "../shared/image-rules.ts";
import { createMediaCounter } from "../shared/media-tokens.ts";
import { deciding } from "../shared/shape.ts";
import type { Endpoint, ProviderWire, Reading, ReadLimits, RefusingQuota } from "../shared/wire.ts";
import { geminiShape, generationShape } from "./gemini-shape.ts";

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

const rpc = "type.googleapis.com/google.rpc.";
/** Seconds. gemini-cli sleeps through up to five minutes; and with an id of `PerDay` it drops our message. */
const leastTerminal = 301;

/** https://cloud.google.com/apis/design/errors#error_details */
function quotaDetails(message: string, { name, retryAfter, transient }: RefusingQuota): unknown[] {
  const seconds = transient ? retryAfter : Math.max(retryAfter, leastTerminal);
  const quotaId = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return [
    { "@type": `${rpc}QuotaFailure`, violations: [{ subject: "key", quotaId, description: message }] },
    { "@type": `${rpc}RetryInfo`, retryDelay: `${seconds}s` },
  ];
}

const rules = {
  // The reader of bodies adds the other spelling of each itself.
  known: [...deciding(geminiShape), ...deciding(generationShape)].filter((name) => !name.includes("_")),
  snakeCase: true,
};

function read(body: BodyFields, limits: ReadLimits): Reading {
  const config = body.open("generationConfig");
  if ("fault" in config) return config;
  const bound = boundField(config.body, "maxOutputTokens", 1);
  if ("fault" in bound) return bound;
  const candidates = countField(config.body, "candidateCount", 1);
  if ("fault" in candidates) return candidates;
  const media = createMediaCounter(limits.mediaReferenceTokens, geminiImage);
  const account = readShape(body, geminiShape, media, limits);
  if (account.fault !== undefined) return { fault: account.fault };
  const generationConfig = body.get("generationConfig");
  return {
    models: [...account.models].filter((name) => name !== "").map((name) => name.replace(/^models\//, "")),
    inputBeyondBytes: media.beyond + account.beyond,
    media,
    outputBound: bound.count,
    answers: candidates.count ?? 1,
    hosted: hostedTools(body, account.hostedTools),
    unbounded: account.unbounded,
    cap: (tokens) => {
      const field =
        isRecord(generationConfig) && "max_output_tokens" in generationConfig ? "max_output_tokens" : "maxOutputTokens";
      return { generationConfig: { ...(isRecord(generationConfig) && generationConfig), [field]: tokens } };
    },
  };
}

const embedded = (body: BodyFields, limits: ReadLimits): Reading => {
  const reading = read(body, limits);
  return "fault" in reading ? reading : { ...reading, outputBound: 0 };
};

// Once, for the reader of bodies keeps by its rules what it makes of their names.
const body = { ...rules, read };
const embeddingBody = { ...rules, read: embedded };

/** Google repeats what it does not understand: within a message such words may be the client's. */
const aboutKey = /"reason":\s*"API_KEY_INVALID"|"message":\s*"(Your )?API key\b/i;

const callPath = /^(\/v1(?:beta)?\/models\/([A-Za-z0-9][A-Za-z0-9._-]{0,127})):([A-Za-z]+)$/;
const listPath = /^\/v1(?:beta)?\/models(\/[A-Za-z0-9][A-Za-z0-9._-]{0,127})?$/;

/** https://ai.google.dev/api */
export const geminiWire: ProviderWire = {
  keyPlaces: ["x-goog-api-key", "query"],
  credential: (masterKey) => ["x-goog-api-key", masterKey],
  // `fields` and `$fields` are not among them: they could cut the usage out of the answer.
  query: new Set(["alt", "pageSize", "pageToken"]),

  endpoint(method, asked): Endpoint | undefined {
    // The AI SDK, opencode and pi take a base that carries the version.
    const path = asked.startsWith("/models") ? `/v1beta${asked}` : asked;
    if (method === "GET") return listPath.test(path) ? { path } : undefined;
    const [, , model, call] = callPath.exec(path) ?? [];
    if (method !== "POST" || model === undefined) return undefined;
    switch (call) {
      case "generateContent":
      case "streamGenerateContent":
        return { path, model, format: "gemini", body };
      case "embedContent":
      case "batchEmbedContents":
        return { path, model, format: "gemini", body: embeddingBody };
      case "countTokens":
        return { path, model, body };
      default:
        return undefined;
    }
  },

  metered:
    "POST /v1beta/models/<model>:generateContent, :streamGenerateContent, :countTokens, :embedContent, :batchEmbedContents and GET /v1beta/models",
  // Google says 400 to a key that it does not know.
  refusesKey: (status, body) =>
    status === 401 || status === 402 || ((status === 400 || status === 403) && aboutKey.test(body)),
  error: ({ status, message, quota }) => ({
    error: {
      code: status,
      message,
      status: errorStatuses[status] ?? "UNKNOWN",
      ...(quota && { details: quotaDetails(message, quota) }),
    },
  }),
};
