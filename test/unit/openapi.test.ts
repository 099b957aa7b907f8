import { describe, expect, it } from "vitest";
import * as z from "zod";
import { problemCodes } from "../../src/errors.ts";
import type { DescribedRoute } from "../../src/http/call.ts";
import { requestExamples } from "../../src/openapi/examples.ts";
import { createOpenApi } from "../../src/openapi/openapi.ts";
import { routes } from "../../src/routes.ts";

interface Operation {
  operationId: string;
  tags: string[];
  security: Record<string, string[]>[];
  parameters?: { name: string; in: string; required?: boolean; schema: Record<string, unknown> }[];
  requestBody?: { required: boolean; content: Record<string, { schema: object; examples?: object }> };
  responses: Record<string, { description: string; headers?: object; content: Record<string, { schema: object }> }>;
}

const made = createOpenApi(routes, { basePath: "/api/v1", version: "9.8.7" });
// As a reader gets it.
const document = JSON.parse(JSON.stringify(made)) as typeof made;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods)
    .filter(([method]) => method !== "servers")
    .map(([method, operation]) => ({ path, method: method.toUpperCase(), operation: operation as Operation })),
);
const operation = (id: string): Operation => {
  const found = operations.find((one) => one.operation.operationId === id);
  if (!found) throw new Error(`there is no operation ${id}`);
  return found.operation;
};

const stub: DescribedRoute = {
  method: "GET",
  path: "/agents/:id",
  operationId: "stub",
  summary: "A stub",
  scope: "token",
  response: { status: 200, description: "Stubbed", schema: z.object({ made: z.string() }).meta({ id: "Stub" }) },
  problems: [],
};
const describeRoute = (route: Partial<DescribedRoute>) =>
  createOpenApi([{ ...stub, ...route }], { basePath: "/", version: "0" });

describe("the document", () => {
  it("has every route of the table, and nothing else below the base path", () => {
    const listed = operations.map(({ method, path }) => `${method} ${path}`).sort();
    const table = routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
    expect(listed).toEqual([...table, "GET /openapi.json", "GET /healthz", "GET /readyz", "GET /metrics"].sort());
    expect(document).toMatchObject({ openapi: "3.1.0", info: { version: "9.8.7" }, servers: [{ url: "/api/v1" }] });
  });

  it("says of an end nothing that is said of another time", () => {
    const { CreateAgent, CreditAgent } = document.components.schemas as Record<
      string,
      { properties: Record<string, { description?: string }> }
    >;
    expect(CreditAgent!.properties.since!.description).toContain("Estimates charged from this minute on");
    expect(CreateAgent!.properties.expiresAt).not.toHaveProperty("description");
  });

  it("resolves every reference, and holds nothing that is not referred to", () => {
    const text = JSON.stringify(document);
    const references = new Set(
      [...text.matchAll(/"\$ref":"#\/components\/(\w+)\/([^"]+)"/g)].map((m) => `${m[1]}/${m[2]}`),
    );
    const present = ["schemas", "headers"].flatMap((kind) =>
      Object.keys(document.components[kind] as object).map((name) => `${kind}/${name}`),
    );
    expect([...references].sort()).toEqual(present.sort());
    expect(text).not.toMatch(/"\$(id|schema)"/);
  });

  it("tells that no price is negative", () => {
    const { PriceRow } = document.components.schemas as Record<string, { properties: Record<string, object> }>;
    for (const name of ["input", "output", "cacheRead", "cacheWrite", "cacheWrite1h"]) {
      expect(PriceRow!.properties[name], name).toMatchObject({ type: "number", minimum: 0, maximum: 1_000_000 });
    }
  });

  it("names each operation once", () => {
    const ids = operations.map((one) => one.operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("asks for the credentials that the route asks for", () => {
    for (const route of routes) {
      const needed = route.alsoScope === undefined ? [route.scope] : [route.scope, route.alsoScope];
      const expected = { gatewayToken: [], ...(route.scope === "token" ? {} : { provisioningKey: needed }) };
      const other = (route.otherScopes ?? []).map((scope) => ({ gatewayToken: [], provisioningKey: [scope] }));
      expect(operation(route.operationId).security, route.operationId).toEqual([expected, ...other]);
    }
    expect(operation("getHealth").security).toEqual([]);
  });

  it("tells of every problem under its own status", () => {
    for (const route of routes) {
      const { responses } = operation(route.operationId);
      const told = Object.values(responses)
        .map((answer) => answer.description)
        .join("\n");
      for (const code of route.problems) expect(told, route.operationId).toContain(`\`${code}\``);
      const { contentType = "application/json", otherContentType } = route.response;
      const types = otherContentType === undefined ? [contentType] : [contentType, otherContentType];
      expect(Object.keys(responses[route.response.status]?.content ?? {})).toEqual(types);
    }
    expect(operation("getFleetUsage").responses[200]?.content).toHaveProperty(["text/csv"]);
    expect(operation("changeAgents").responses[200]?.content).toHaveProperty(["application/x-ndjson"]);
    const { responses } = operation("createAgent");
    expect(responses[409]?.description).toContain("`agent_exists`");
    expect(responses[429]?.headers).toHaveProperty("Retry-After");
    expect(responses[401]?.headers).toHaveProperty("WWW-Authenticate");
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(["200", "201", "202"]));
    for (const status of [201, 202]) expect(responses[status]?.headers).toHaveProperty("Location");
    for (const status of [409, 503]) expect(responses[status]?.headers).toHaveProperty("Retry-After");
    const problem = document.components.schemas.Problem as { properties: { code: { enum: string[] } } };
    expect(problem.properties.code.enum).toEqual(problemCodes);
  });

  it("tells of every call how keys in its address, bad keys beside the token, and codes of links are refused", () => {
    for (const { operationId } of routes) {
      const { responses } = operation(operationId);
      expect(responses[400]?.description, operationId).toContain("`invalid_query`");
      expect(responses[401]?.description, operationId).toContain("`provisioning_key_invalid`");
      expect(responses[403]?.description, operationId).toContain("`session_not_allowed`");
    }
    expect(Object.keys(operation("getMetrics").responses)).toEqual(["200", "400", "401", "403", "429", "503"]);
    expect(Object.keys(operation("getOpenApi").responses)).toEqual(["200", "400", "401", "404", "429", "503"]);
    for (const id of ["getMetrics", "getOpenApi", "getReadiness"]) {
      const { 400: twice, 401: unknown, 429: limited } = operation(id).responses;
      expect(twice?.description, id).toContain("`invalid_header`");
      expect(unknown?.headers, id).toHaveProperty("WWW-Authenticate");
      expect(limited?.headers, id).toHaveProperty("Retry-After");
    }
    expect(Object.keys(operation("getReadiness").responses)).toEqual(["200", "400", "401", "429", "503"]);
  });

  it("says what may be sent: strict bodies, optional queries, path parameters", () => {
    expect(document.components.schemas.CreateAgent).toMatchObject({ required: ["name"], additionalProperties: false });
    const query = operation("listAgents").parameters;
    const limit = query?.find((parameter) => parameter.name === "limit");
    expect(limit).toMatchObject({ in: "query", required: false, schema: { type: "integer", minimum: 1 } });
    const [id] = operation("rotateAgentKey").parameters ?? [];
    expect(id).toMatchObject({ name: "id", in: "path", required: true, description: "The provisioning key's id" });
    expect(operation("deleteAgent").requestBody?.required).toBe(false);
    expect(operation("createAgent").requestBody?.required).toBe(true);
  });

  it("lets answers gain fields", () => {
    expect(document.components.schemas.AgentCreated).not.toHaveProperty("additionalProperties");
  });
});

describe("faults of the table", () => {
  it("a body without a name is refused", () => {
    expect(() => describeRoute({ body: z.strictObject({}) })).toThrow(/meta\(\{ id \}\)/);
  });

  it("one name for two shapes is refused", () => {
    const twofold = z.object({ when: z.string().default("now") }).meta({ id: "Twofold" });
    const response = { status: 200, description: "", schema: twofold };
    expect(() => describeRoute({ body: twofold, response })).toThrow(/"Twofold" differs/);
  });
});

describe("examples", () => {
  const examples = Object.entries(requestExamples).flatMap(([operationId, named]) =>
    Object.entries(named).map(([name, { value }]) => ({ operationId, name, value })),
  );

  it.each(examples)(
    "$operationId $name is a valid body, and stands in the document",
    ({ operationId, name, value }) => {
      const route = routes.find((one) => one.operationId === operationId);
      expect(route?.body?.safeParse(value)).toMatchObject({ success: true });
      expect(operation(operationId).requestBody?.content["application/json"]?.examples).toHaveProperty(name);
    },
  );

  it("every operation with a body has one", () => {
    const withBody = routes.filter((route) => route.body).map((route) => route.operationId);
    expect(Object.keys(requestExamples).sort()).toEqual(withBody.sort());
  });
});
