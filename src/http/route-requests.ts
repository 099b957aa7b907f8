import { type IRequest, Router } from "itty-router";
import { Problem } from "../errors.ts";
import type { Caller } from "../service/caller.ts";
import type { Context } from "../service/context.ts";
import { requireMeant } from "../service/gateways/own-id.ts";
import { gatewayIdHeader, madeWithHeader, type Reply, type Route } from "./call.ts";
import type { Guards } from "./guards.ts";
import { limitRate } from "./limit-rate.ts";
import { isProbe } from "./probes.ts";
import { parseQuery, readJson } from "./read-json.ts";
import type { RequestContext } from "./request-context.ts";

/** The table and the parts that answer around it. */
export interface RouterOptions {
  context: Context;
  guards: Guards;
  routes: readonly Route[];
  /** The routes' own document, as JSON. */
  openApi(): string;
}

/**
 * The route table as a function of a request.
 * @throws Problem `not_found`, `method_not_allowed`, or whatever a route throws
 */
export function createRouter({
  context,
  guards,
  routes,
  openApi,
}: RouterOptions): (request: Request, requestContext: RequestContext) => Promise<Reply> {
  const { settings } = context;
  const { basePath } = settings.provisioning;
  // The bare Router: AutoRouter hands its handlers a Proxy, on which `new Request` throws in Node.
  const router = Router<IRequest, [RequestContext], Promise<Reply>>({ base: basePath });
  for (const route of routes) {
    const register = route.method.toLowerCase() as "get" | "post" | "put" | "patch" | "delete";
    router[register](route.path, async (request, requestContext) => await callRoute(route, request, requestContext));
  }
  router.get("/openapi.json", async () => ({ status: 200, body: openApi() }));

  async function callRoute(route: Route, request: IRequest, requestContext: RequestContext): Promise<Reply> {
    requestContext.route = route;
    const caller = await guards.authorize(route, request as unknown as Request, requestContext);
    if (caller.linkCode !== undefined && route.operationId !== "openConsoleSession") {
      throw new Problem("session_not_allowed", "A link's code opens a console session, and does nothing else.");
    }
    if (caller.session || route.scope !== "token") await limitRate(context, caller, requestContext.headers);
    const native = request as unknown as Request;
    await requireMeant(context, native.headers.get(gatewayIdHeader));
    const { maxBodyBytes } = settings.provisioning;
    const params = decodeParams(request.params);
    const query = route.query && parseQuery(route.query, new URL(native.url).searchParams, route.repeatable);
    const body =
      route.body &&
      (await readJson(native, route.body, { maxBytes: maxBodyBytes, optional: route.bodyOptional ?? false }));
    const current = route.body ? await authorizeAgain(route, native, requestContext) : caller;
    const madeWith = native.headers.get(madeWithHeader) ?? undefined;
    const call = { context, caller: { ...current, madeWith }, params, query, body, headers: native.headers };
    // The table pairs each handler with its own schemas; here they are all alike.
    return { status: route.response.status, ...(await route.handle(call as Parameters<Route["handle"]>[0])) };
  }

  /** A body may take minutes to come, and the key, the session or the token may have ended by then. */
  async function authorizeAgain(route: Route, request: Request, requestContext: RequestContext): Promise<Caller> {
    const { bearer, info } = requestContext;
    if (bearer) requestContext.bearer = await guards.authenticate(request, info);
    return await guards.authorize(route, request, requestContext);
  }

  function unmatched(method: string, pathname: string): Problem {
    const allowed = new Set<string>();
    for (const [routeMethod, pattern] of router.routes) {
      if (!pattern.test(pathname)) continue;
      allowed.add(routeMethod);
      if (routeMethod === "GET") allowed.add("HEAD");
    }
    if (isProbe(pathname)) allowed.add("GET").add("HEAD");
    if (allowed.size === 0)
      return new Problem("not_found", `There is nothing at this address; the API is under ${basePath}.`);
    const allow = [...allowed].sort().join(", ");
    return new Problem("method_not_allowed", `${method} is not allowed here; use ${allow}.`, { headers: { allow } });
  }

  return async (request, requestContext) => {
    // HEAD is GET without a body, which the app cuts off.
    const routed = request.method === "HEAD" ? new Request(request.url, { headers: request.headers }) : request;
    const reply = await router.fetch(routed as unknown as IRequest, requestContext);
    if (reply) return reply;
    throw unmatched(request.method, new URL(request.url).pathname);
  };
}

function decodeParams(params: Record<string, string>): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch (cause) {
    throw new Problem("invalid_path", "The path is not valid percent-encoding.", { cause });
  }
}
