import type { QuotaName } from "../../domain/quota-rules.ts";
import type { UsageFormat } from "../../domain/usage.ts";
import type { BodyFields } from "./body-fields.ts";
import type { HostedTools } from "./hosted-tools.ts";
import type { CountedMedia } from "./media-tokens.ts";

export interface ReadLimits {
  /** Tokens reserved for each image, file or sound that a request names rather than carries. */
  mediaReferenceTokens: number;
  /** Places in a body of which the operator says that their bytes bound them, as a refusal writes them. */
  boundedFields: readonly string[];
}

/** The bounds of a request's cost, and its demands, as far as its body tells. */
export interface RequestReading {
  /** Every model that may serve it. */
  models: readonly string[];
  /** Input that the body's bytes do not bound, in tokens; negative where they are far above it (a carried image). */
  inputBeyondBytes: number;
  /** The pictures, sounds, videos and documents that it carries or names. */
  media: CountedMedia;
  /** Tokens of each answer that the client set as the most; `undefined`: none. */
  outputBound: number | undefined;
  /** How many answers it asks for. */
  answers: number;
  /** It may be answered without a word: the provider is to keep the input for later. */
  fillsCache?: boolean;
  /** Tools that run at the provider and read what the request does not hold. */
  hosted: HostedTools | undefined;
  /** Why no bound holds for what else it asks for: refused likewise. */
  unbounded?: string | undefined;
  /** Fields that are always added, so that the usage is told. */
  added?: Record<string, unknown> | undefined;
  /** The client asked for the usage in a way of its own: what is told stays in the answer. */
  wantsUsage?: boolean | undefined;
  /** The client's own bound under a name that every server obeys, where it is not; set where a token quota limits. */
  restated?: Record<string, unknown> | undefined;
  /** Fields that bound each answer at `tokens`. */
  cap(tokens: number): Record<string, unknown>;
}

/** The treatment of tools that run at the provider, where a token quota is set. */
export type HostedToolsRule = "omit" | "refuse" | "allow";

/** Why a token quota cannot hold for the request. */
export function unboundedReason({ hosted, unbounded }: RequestReading, rule: HostedToolsRule): string | undefined {
  if (hosted === undefined || rule === "allow" || (rule === "omit" && hosted.leftOut)) return unbounded;
  const remedy = rule === "omit" ? "do not choose it in tool_choice" : "leave it out";
  return (
    `the tool "${hosted.names[0]!.slice(0, 64)}" runs at the provider and reads what the request does not hold; ` +
    `${remedy}, or have the operator set gateway.provisioning.proxy.hostedTools to "allow"`
  );
}

export type Reading = RequestReading | { fault: string };

export interface Betas {
  header: string;
  /** They turn on what the body's reading accounts for. */
  harmless: ReadonlySet<string>;
  refused: ReadonlySet<string>;
}

export interface Endpoint {
  /** Below the provider's base URL; begins with a slash. */
  path: string;
  /** How the answer tells its usage; absent: the call costs no tokens. */
  format?: UsageFormat;
  /** Named by the path. */
  model?: string;
  /** The header that turns on what is not yet for everybody, and what its values do. */
  betas?: Betas;
  /** The smallest bound that the provider takes. */
  minOutput?: number;
  /** Absent: the call has no body. */
  body?: {
    known: readonly string[];
    snakeCase: boolean;
    read(body: BodyFields, limits: ReadLimits): Reading;
  };
}

export type KeyPlace = "x-api-key" | "bearer" | "x-goog-api-key" | "query";

/** A refusal of this proxy, to be told in a provider's own shape. */
export interface WireError {
  status: number;
  message: string;
  requestId: string;
  /** Given where a quota refuses. */
  quota?: RefusingQuota | undefined;
}

export interface RefusingQuota {
  name: QuotaName;
  /** Seconds. */
  retryAfter: number;
  /** Frees itself within the minute. */
  transient: boolean;
}

/** How one provider's API is spoken: all that the proxy knows of it. */
export interface ProviderWire {
  /** The places where its SDK puts the key, in the order in which we look. */
  keyPlaces: readonly KeyPlace[];
  /** The header that carries the master key. */
  credential(masterKey: string): readonly [name: string, value: string];
  /** Query parameters that go on. All others, credentials among them, do not. */
  query: ReadonlySet<string>;
  /** @param path what stands after `/proxy/<slug>`; anything not on the list is `undefined` */
  endpoint(method: string, path: string): Endpoint | undefined;
  /** The same for people: methods and paths. */
  metered: string;
  /** Whether its clients sleep through a `retry-after` of days, in silence: it is left out where a day's quota is spent. */
  sleepsThrough?: boolean;
  /** The header in which its SDK looks for the request's id, besides `x-request-id`. */
  requestIdHeader?: string;
  /**
   * Whether an answer is the provider's no to the operator's key; absent: by 401 and 402 alone (an account behind the
   * key that is not paid for).
   */
  refusesKey?(status: number, body: string): boolean;
  /** The body of an error of ours, in the provider's shape. */
  error(error: WireError): unknown;
}
