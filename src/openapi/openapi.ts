import type { DescribedRoute } from "../http/call.ts";
import { answersOf, headers, refusalHeaders } from "./answers.ts";
import { type Components, createComponents, queryFields } from "./components.ts";
import { requestExamples } from "./examples.ts";

export type OpenApiDocument = Record<string, unknown> & {
  paths: Record<string, Record<string, unknown>>;
  components: { schemas: Record<string, unknown>; [kind: string]: unknown };
};

const tags = [
  { name: "agents", path: "/agents", description: "Agents and their AI keys" },
  { name: "ai-providers", path: "/provisioning/ai-providers", description: "AI providers' master keys" },
  { name: "agent-keys", path: "/provisioning/agent-keys", description: "Keys of those who make agents" },
  { name: "prices", path: "/provisioning/prices", description: "What models cost" },
  { name: "audit", path: "/provisioning/audit", description: "What was done, by whom" },
  { name: "webhooks", path: "/provisioning/webhooks", description: "Where alerts are sent" },
  { name: "service", path: "/", description: "The service itself" },
] as const;

const tagOf = (path: string) => tags.find((tag) => path.startsWith(tag.path))!.name;

const idNames: Partial<Record<(typeof tags)[number]["name"], string>> = {
  agents: "The agent's id",
  "ai-providers": "The AI provider's id",
  "agent-keys": "The provisioning key's id",
  webhooks: "The webhook's id, or the delivery's `webhook-id`",
};

const parameterNames: Record<string, string> = {
  provider: "The AI provider: a built-in one, or an operator's own slug",
  model: "The model, percent-encoded: `anthropic%2Fclaude-sonnet-4.5`",
};

function parametersOf(route: DescribedRoute) {
  const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    description: name === "id" ? idNames[tagOf(route.path)] : parameterNames[name!],
    schema: { type: "string" },
  }));
  const inQuery = route.query ? queryFields(route.query).map((field) => ({ in: "query", ...field })) : [];
  const inHeader = (route.headers ?? []).map((header) => ({ in: "header", schema: { type: "string" }, ...header }));
  return [...inPath, ...inQuery, ...inHeader];
}

const scopesOf = ({ scope, alsoScope }: DescribedRoute): string[] =>
  alsoScope === undefined ? [scope] : [scope, alsoScope];

function operationOf(route: DescribedRoute, components: Components) {
  const parameters = parametersOf(route);
  return {
    operationId: route.operationId,
    summary: route.summary,
    tags: [tagOf(route.path)],
    // Beside a scheme that knows no scopes, OpenAPI 3.1 reads them as roles.
    security: [
      { gatewayToken: [], ...(route.scope === "token" ? {} : { provisioningKey: scopesOf(route) }) },
      ...(route.otherScopes ?? []).map((scope) => ({ gatewayToken: [], provisioningKey: [scope] })),
    ],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body
      ? {
          requestBody: {
            required: !route.bodyOptional,
            content: {
              "application/json": {
                schema: components.reference(route.body, "input"),
                ...(requestExamples[route.operationId] ? { examples: requestExamples[route.operationId] } : {}),
              },
            },
          },
        }
      : {}),
    responses: answersOf(route, components),
  };
}

/** The paths outside the route table: the document itself, and those beside the base path. */
function servicePaths(problem: Record<string, unknown>) {
  const root = { servers: [{ url: "/" }] };
  const refusal = (status: number, description: string) => ({
    description,
    headers: refusalHeaders(status),
    content: { "application/problem+json": { schema: problem } },
  });
  const operation = (operationId: string, summary: string, content: object, token: boolean, refusals: object) => ({
    get: {
      operationId,
      summary,
      tags: ["service"],
      security: token ? [{ gatewayToken: [] }] : [],
      responses: { 200: { description: summary, content }, ...refusals },
    },
  });
  const json = { "application/json": { schema: { type: "object" } } };
  const limited = {
    400: refusal(400, "`invalid_header`"),
    401: refusal(401, "`unauthorized`"),
    429: refusal(429, "`rate_limited`"),
  };
  const guarded = { ...limited, 503: refusal(503, "`issuer_unreachable`") };
  return {
    "/openapi.json": operation("getOpenApi", "This document", json, true, {
      ...guarded,
      400: refusal(400, "`invalid_header`, `invalid_query`"),
      404: refusal(404, "`provisioning_disabled`"),
    }),
    "/healthz": { ...root, ...operation("getHealth", "The process lives", json, false, {}) },
    "/readyz": {
      ...root,
      ...operation("getReadiness", "Storage and host can be used", json, false, {
        // A bearer is looked at while something is wrong.
        ...limited,
        503: {
          ...refusal(503, "Which cannot, and why; `draining` while the process stops"),
          content: { ...json, ...refusal(503, "").content },
        },
      }),
    },
    "/metrics": {
      ...root,
      ...operation(
        "getMetrics",
        "Metrics as Prometheus reads them",
        { "text/plain": { schema: { type: "string" } } },
        true,
        { ...guarded, 403: refusal(403, "`scope_missing`") },
      ),
    },
  };
}

/** OpenAPI 3.1 of the route table. */
export function createOpenApi(
  routes: readonly DescribedRoute[],
  { basePath, version }: { basePath: string; version: string },
): OpenApiDocument {
  const components = createComponents();
  const paths: OpenApiDocument["paths"] = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, components) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "OpenClaw agent provisioning",
      version,
      description:
        "Makes OpenClaw agents, gives each its own AI key, and holds that key to its quota. " +
        "Refusals are `application/problem+json` (RFC 9457) with a stable `code`.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: basePath }],
    tags: tags.map(({ name, description }) => ({ name, description })),
    paths: { ...paths, ...servicePaths({ $ref: "#/components/schemas/Problem" }) },
    components: {
      securitySchemes: {
        gatewayToken: {
          type: "http",
          scheme: "bearer",
          description: "The gateway token, or a JWT of an issuer that the deployment trusts",
        },
        provisioningKey: {
          type: "apiKey",
          in: "header",
          name: "X-Agent-Provisioning-Key",
          description:
            "A provisioning key that holds the scope, or the deployment's admin token; not needed beside a JWT whose claims give the scope",
        },
      },
      headers,
      schemas: components.schemas,
    },
  };
}
