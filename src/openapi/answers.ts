import { Problem, type ProblemCode } from "../errors.ts";
import type { DescribedRoute } from "../http/call.ts";
import { type Components, type JsonSchema, ProblemBody } from "./components.ts";

export const headers = {
  "X-Request-Id": { description: "Names this request in the service's log", schema: { type: "string" } },
  Location: {
    description: "Where the agent is, or its operation where that is not waited for",
    schema: { type: "string", format: "uri-reference" },
  },
  RateLimit: {
    description:
      'What is left: `"key";r=9;t=42` (draft-ietf-httpapi-ratelimit-headers). Absent with the admin token, which has no limit',
    schema: { type: "string" },
  },
  "RateLimit-Policy": {
    description: 'The limit: `"key";q=10;w=60`. Absent with the admin token',
    schema: { type: "string" },
  },
  "Retry-After": {
    description: "Seconds until a retry is welcome. With 409 and 503 where that is known",
    schema: { type: "integer", minimum: 1 },
  },
  "WWW-Authenticate": { description: "Which credential is missing or wrong (RFC 6750)", schema: { type: "string" } },
} as const;

const referTo = (...names: (keyof typeof headers)[]) =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

/** Further answers that a request header asks for. */
const answersByHeader: Record<string, { status: number; description: string }> = {
  "Idempotency-Key": {
    status: 200,
    description: "The first answer to this Idempotency-Key, without what is shown once",
  },
  Prefer: { status: 202, description: "The agent is durable, and `status` says that it does not answer yet" },
};

const everywhere: ProblemCode[] = [
  "invalid_header",
  // A key in the query is refused whatever the route asks.
  "invalid_query",
  "unauthorized",
  // A key that is sent beside the token alone counts too.
  "provisioning_key_invalid",
  "session_not_allowed",
  "provisioning_disabled",
  "gateway_mistaken",
  "rate_limited",
  "internal_error",
  "store_unreadable",
  "store_unwritable",
  "issuer_unreachable",
];

function problemsOf(route: DescribedRoute): ProblemCode[] {
  const keyed: ProblemCode[] = ["provisioning_key_missing", "scope_missing"];
  return [
    ...everywhere,
    ...(route.scope === "token" ? [] : keyed),
    ...(route.method === "GET" ? [] : (["audit_unwritable", "host_unavailable"] as const)),
    ...(route.path.includes("/:") ? (["invalid_path"] as const) : []),
    ...(route.body ? (["invalid_json", "invalid_body", "body_too_large"] as const) : []),
    ...route.problems,
  ];
}

/** The headers of a refusal. */
export const refusalHeaders = (status: number) => ({
  ...referTo("X-Request-Id"),
  ...(status === 401 ? referTo("WWW-Authenticate") : {}),
  ...([409, 429, 503].includes(status) ? referTo("Retry-After") : {}),
});

function problemAnswer(codes: ProblemCode[], status: number, problem: JsonSchema) {
  const lines = codes.map((code) => `- \`${code}\`: ${new Problem(code).title}`);
  return {
    description: lines.join("\n"),
    headers: refusalHeaders(status),
    content: {
      "application/problem+json": {
        schema: { allOf: [problem, { type: "object", properties: { code: { type: "string", enum: codes } } }] },
      },
    },
  };
}

/** The answers by their status. */
export function answersOf(route: DescribedRoute, components: Components): Record<string, unknown> {
  const answers: Record<string, unknown> = {};
  const { contentType = "application/json", otherContentType } = route.response;
  const schema = components.reference(route.response.schema, "output");
  const text = { type: "string" };
  const succeed = (status: number, description: string) => {
    answers[status] = {
      description,
      headers: {
        ...referTo("X-Request-Id"),
        ...([201, 202].includes(status) && route.path.startsWith("/agents") ? referTo("Location") : {}),
        ...(route.scope === "token" ? {} : referTo("RateLimit", "RateLimit-Policy")),
      },
      content: { [contentType]: { schema }, ...(otherContentType && { [otherContentType]: { schema: text } }) },
    };
  };
  for (const { name } of route.headers ?? []) {
    const further = answersByHeader[name];
    if (further) succeed(further.status, further.description);
  }
  succeed(route.response.status, route.response.description);

  const problem = components.reference(ProblemBody, "output");
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of new Set(problemsOf(route))) {
    const { status } = new Problem(code);
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  for (const [status, codes] of byStatus) answers[status] = problemAnswer(codes, status, problem);
  return answers;
}
