import type * as z from "zod/mini";
import type { ProblemCode } from "../errors.ts";
import type { Scope } from "../schema/provisioning-key.ts";

/** The document's view of a route. */
export interface DescribedRoute {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below the base path, with `:name` for a parameter. */
  path: string;
  operationId: string;
  summary: string;
  scope: Scope | "token";
  otherScopes?: readonly Scope[];
  alsoScope?: Scope;
  body?: z.ZodMiniType;
  bodyOptional?: boolean;
  query?: z.ZodMiniType;
  response: { status: number; description: string; schema: z.ZodMiniType; contentType?: string };
  headers?: { name: string; description: string }[];
  problems: ProblemCode[];
}
