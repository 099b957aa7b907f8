import { Problem } from "../errors.ts";
import { createAuthFailures } from "../service/auth-failures.ts";
import type { Caller } from "../service/caller.ts";
import type { Context } from "../service/context.ts";
import { aiKeyBearer, authenticateBearer, identifyCaller, operatorCaller, requireRouteScope } from "./authenticate.ts";
import type { Bearer, VerifyJwt } from "./bearer.ts";
import type { RequestInfo, Route } from "./call.ts";
import { isRead, type RequestContext } from "./request-context.ts";

/** The checks before a route's own work. */
export interface Guards {
  /** The party behind the bearer. @throws Problem `unauthorized`, `rate_limited` */
  authenticate(request: Request, info: RequestInfo): Promise<Bearer>;
  /** The caller, who may call the route, and is noted in `requestContext`. @throws Problem of the key, of its scope, or `rate_limited` */
  authorize(route: Route, request: Request, requestContext: RequestContext): Promise<Caller>;
}

/** The credentials of a request, in the order in which they are asked for; failures are throttled by address. */
export function createGuards(context: Context, verifyJwt: VerifyJwt | undefined): Guards {
  const authFailed = createAuthFailures(context);
  const keyPath = `${context.settings.provisioning.basePath}/key`;

  const refuseFrom = (info: RequestInfo) => async (problem: Problem) => {
    context.metrics.count("openclaw_auth_failures_total", { code: problem.code });
    const seconds = await authFailed(info.address ?? "unknown");
    if (seconds === undefined) throw problem;
    const detail = `Too many failed authentications from this address; try again in ${seconds} s.`;
    throw new Problem("rate_limited", detail, { headers: { "retry-after": String(seconds) } });
  };

  return {
    async authenticate(request, info) {
      const forHolder = new URL(request.url).pathname === keyPath && isRead(request);
      const holder = forHolder ? await aiKeyBearer(context, request.headers) : undefined;
      return holder ?? (await authenticateBearer(context, request.headers, verifyJwt, refuseFrom(info)));
    },
    async authorize(route, request, requestContext) {
      const { requestId, info, bearer } = requestContext;
      if (!bearer) return operatorCaller(requestId);
      const rest = { requestId, address: info.address };
      const caller = await identifyCaller(context, request.headers, bearer, route, rest, refuseFrom(info));
      // Before its scopes are looked at: the trail names whoever lacks one.
      requestContext.actor = caller.actor;
      requestContext.sessionId = caller.session?.id;
      requireRouteScope(caller, route);
      return caller;
    },
  };
}
