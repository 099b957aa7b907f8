import type * as z from "zod/mini";
import type { ProblemCode } from "../errors.ts";
import type { Scope } from "../schema/provisioning-key.ts";
import type { Caller } from "../service/caller.ts";
import type { Context } from "../service/context.ts";

/** Names the agent that is meant by the Idempotency-Key with which it was made: see `Caller.madeWith`. */
export const madeWithHeader = "agent-made-with";

/** Names the deployment that is meant, by its own id: see `requireMeant`. */
export const gatewayIdHeader = "gateway-id";

/** The transport knows this of a request beyond the request itself. */
export interface RequestInfo {
  /** The client's address, as the transport trusts it. */
  address?: string | undefined;
}

/** A request that was let in: its body and query are validated by the route's schemas. */
export interface Call<Body = unknown, Query = unknown> {
  context: Context;
  caller: Caller;
  params: Record<string, string>;
  body: Body;
  query: Query;
  headers: Headers;
}

/** An answer that is not serialized yet. */
export interface Reply {
  status: number;
  /** A text or a stream as it is; anything else as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
}

/** A handler's answer; its status is the route's, where it gives no other. */
export type RouteReply = Omit<Reply, "status"> & Partial<Pick<Reply, "status">>;

/** All of a route but its work: guards, OpenAPI and the common tests derive from it. */
export interface DescribedRoute {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below the base path, with `:name` for a parameter. */
  path: `/${string}`;
  operationId: string;
  summary: string;
  /** `token`: the gateway token is enough. Else a provisioning key that holds the scope. */
  scope: Scope | "token";
  /** Each is enough to be let in as well, where the body decides which one is needed: the handler looks. */
  otherScopes?: readonly Scope[];
  /** Needed besides. */
  alsoScope?: Scope;
  body?: z.ZodMiniType;
  /** Whether an absent body stands for `{}`. */
  bodyOptional?: boolean;
  query?: z.ZodMiniType;
  /** Fields of the query that may come more than once: the handler gets a list. */
  repeatable?: readonly string[];
  response: {
    status: number;
    description: string;
    schema: z.ZodMiniType;
    /** Default: JSON. */
    contentType?: string;
    /** The type of the same as text, for those who ask for it. */
    otherContentType?: string;
  };
  /** Beyond those that every route may answer. */
  problems: ProblemCode[];
  /** Request headers beyond the credentials. */
  headers?: { name: string; description: string }[];
}

/** One line of the route table. */
export interface Route extends DescribedRoute {
  handle(call: Call<never, never>): Promise<RouteReply>;
}

type Parsed<S> = S extends z.ZodMiniType ? z.output<S> : undefined;

/** Ties a handler's body and query to their schemas. */
export function route<B extends z.ZodMiniType | undefined = undefined, Q extends z.ZodMiniType | undefined = undefined>(
  definition: Omit<Route, "body" | "query" | "handle"> & {
    body?: B;
    query?: Q;
    handle(call: Call<Parsed<B>, Parsed<Q>>): Promise<RouteReply>;
  },
): Route {
  return definition as Route;
}
