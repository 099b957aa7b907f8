import * as z from "zod/mini";
import { problemCodes } from "../errors.ts";

export type JsonSchema = Record<string, unknown>;

/** RFC 9457, as every refusal has it. */
export const ProblemBody = z
  .object({
    type: z.string().register(z.globalRegistry, { examples: ["urn:openclaw-provisioning:problem:agent_exists"] }),
    title: z.string(),
    status: z.int().check(z.minimum(400), z.maximum(599)),
    detail: z.string().register(z.globalRegistry, { description: "What is wrong and what to do" }),
    code: z.enum(problemCodes).register(z.globalRegistry, { description: "Stable: the field to branch on" }),
    requestId: z.string().register(z.globalRegistry, { description: "Equals X-Request-Id" }),
    error: z
      .string()
      .register(z.globalRegistry, { description: "Equals `detail`, for clients of the older API", deprecated: true }),
    errors: z
      .optional(
        z.array(
          z.object({
            path: z.string(),
            message: z.string(),
            most: z.optional(z.int().check(z.minimum(1))).register(z.globalRegistry, {
              description: "Of a list that is too long: how many it may have in one call here",
            }),
          }),
        ),
      )
      .register(z.globalRegistry, { description: "Faults of the body or the query, by path" }),
  })
  .register(z.globalRegistry, { id: "Problem" });

const place = (id: string) => `#/components/schemas/${id}`;

/**
 * Drops the keywords that zod writes for its own sake and that tell a reader nothing, and those of answers that only
 * hold for requests.
 */
function tidy({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodType; jsonSchema: JsonSchema }): void {
  if (jsonSchema.format === "date-time" || jsonSchema.format === "date") delete jsonSchema.pattern;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  const { def } = (zodSchema as z.core.$ZodTypes)._zod;
  // An answer may gain fields: only what is strict in zod refuses them.
  if (def.type === "object" && def.catchall === undefined) delete jsonSchema.additionalProperties;
}

const generated = (io: "input" | "output") =>
  z.toJSONSchema(z.globalRegistry, { io, uri: place, unrepresentable: "any", override: tidy }).schemas as Record<
    string,
    JsonSchema
  >;

const plain = (schema: z.ZodMiniType, io: "input" | "output"): JsonSchema => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any", override: tidy }) as JsonSchema;
  return rest;
};

/** The fields of a query: values as the handler gets them, required as the caller must send them. */
export function queryFields(query: z.ZodMiniType): { name: string; required: boolean; schema: JsonSchema }[] {
  const { properties = {} } = plain(query, "output") as { properties?: Record<string, JsonSchema> };
  const { required = [] } = plain(query, "input") as { required?: string[] };
  return Object.entries(properties).map(([name, schema]) => ({ name, required: required.includes(name), schema }));
}

/** Hands out references, and collects what they lead to. */
export function createComponents() {
  const sources = { input: generated("input"), output: generated("output") };
  const schemas: Record<string, JsonSchema> = {};

  function include(id: string, io: "input" | "output"): void {
    const source = sources[io][id];
    if (source === undefined) throw new Error(`there is no schema "${id}"`);
    const { $schema: _schema, $id: _id, ...schema } = source;
    const known = schemas[id];
    if (known !== undefined) {
      if (JSON.stringify(known) === JSON.stringify(schema)) return;
      throw new Error(`the schema "${id}" differs between requests and answers: give them two names`);
    }
    schemas[id] = schema;
    for (const [, nested] of JSON.stringify(schema).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)) {
      include(nested!, io);
    }
  }

  return {
    schemas,
    reference(schema: z.ZodMiniType, io: "input" | "output"): JsonSchema {
      const id = z.globalRegistry.get(schema)?.id;
      // A generated client needs the name.
      if (id === undefined) throw new Error("a body without `meta({ id })` has no place in the document");
      include(id, io);
      return { $ref: place(id) };
    },
  };
}
export type Components = ReturnType<typeof createComponents>;
