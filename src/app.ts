import { type IRequest, Router } from "itty-router";
import { decodedFully, holdsKey, withoutKeys } from "./domain/key-shapes.ts";
import { Problem } from "./errors.ts";
import { createAnswerAudit } from "./http/audit-answer.ts";
import { aiKeyBearer, authenticateBearer, authorizeCaller, operatorCaller } from "./http/authenticate.ts";
import type { Bearer, VerifyJwt } from "./http/bearer.ts";
import { madeWithHeader, type Reply, type RequestInfo, type Route } from "./http/call.ts";
import { type ConsoleAssets, consoleReply } from "./http/console-page.ts";
import { limitRate } from "./http/limit-rate.ts";
import { parseQuery, readJson } from "./http/read-json.ts";
import { refuseKeysIn } from "./http/refuse-keys.ts";
import { respond, respondProblem } from "./http/respond.ts";
import { createVerifyJwt } from "./http/verify-jwt.ts";
import { createMetrics } from "./metrics.ts";
import { createOpenApi } from "./openapi/openapi.ts";
import { createProxy, type Proxy as MeteringProxy } from "./proxy/web-proxy.ts";
import { routes } from "./routes.ts";
import { createAgentIndex } from "./service/agent-index/agent-index.ts";
import { withAgentIndex } from "./service/agent-index/indexed-records.ts";
import { withAlerts } from "./service/alerts/with-alerts.ts";
import { createAuthFailures } from "./service/auth-failures.ts";
import type { Caller } from "./service/caller.ts";
import type { Context } from "./service/context.ts";
import { type Maintained, maintain } from "./service/maintenance/maintain.ts";
import { recoverOperations } from "./service/operations/recover.ts";
import { createPrices } from "./service/prices/prices.ts";
import { createSecretsCheck } from "./service/secrets/unopenable-secrets.ts";
import { withMetrics } from "./service/with-metrics.ts";
import type { Settings } from "./settings.ts";
import type { Ports } from "./storage/keyspace.ts";
import { withReadCache } from "./storage/read-cache.ts";
import { version } from "./version.ts";

export interface App {
  fetch(request: Request, info?: RequestInfo): Promise<Response>;
  /** The same routes with the local operator's authority: no credentials, no rate limit. Never expose it. */
  fetchAsOperator(request: Request): Promise<Response>;
  /**
   * Settles what dead processes left, and retries what could not be revoked. Run it at start and now and then.
   * @param settled called once the former is done, before any provider is asked
   */
  maintain(settled?: () => void): Promise<Maintained>;
  /** The first part of `maintain` alone. Resolves to whether the service is ready. */
  recover(): Promise<boolean>;
  /**
   * Readiness is refused from here until what dead processes left is settled.
   * @param isOver asked after each attempt: whether nothing is under way any more that others had begun
   */
  holdReadiness(isOver: () => Promise<boolean>): void;
  /** From here on `/readyz` says so, and no metered call is admitted; all else goes on as before. */
  drain(): void;
  /** Denials that are repeated within a minute are counted, and the counts are written after it: this writes them now. */
  writeDenials(): void;
  context: Context;
  /** For transports that serve `/proxy/` below the fetch layer. */
  proxy: MeteringProxy;
}

/** One request on its way through the guards. */
interface RequestContext {
  requestId: string;
  info: RequestInfo;
  operator: boolean;
  /** Known once a credential was accepted. */
  actor: string;
  bearer?: Bearer;
  route?: Route;
  sessionId?: string | undefined;
  /** Fields that every answer of a keyed call carries. */
  headers: Record<string, string>;
}

export interface AppOptions {
  /** In place of the issuer of the settings: who a bearer is that is not the gateway token. */
  verifyBearer?: VerifyJwt | undefined;
  /** The operator's page; absent: none is served. */
  consoleAssets?: (() => Promise<ConsoleAssets>) | undefined;
}

/** The whole product as one fetch handler over its ports. */
export function createApp(ports: Ports, settings: Settings, options: AppOptions = {}): App {
  const metrics = createMetrics();
  const measured = withMetrics(ports, metrics);
  const agentIndex = createAgentIndex(measured.ledger);
  const context = withAlerts({
    ...measured,
    records: withReadCache(withAgentIndex(measured.records, agentIndex, ports.log), ports.clock),
    settings,
    metrics,
    prices: createPrices({ ...measured, settings }),
    agentIndex,
  });
  metrics.gauge("openclaw_build_info", 1, { version });
  metrics.gauge("openclaw_draining", 0);
  const { basePath } = settings.provisioning;
  const verifyJwt = options.verifyBearer ?? createVerifyJwt(context);
  const proxy = createProxy(context);
  const answers = createAnswerAudit(context);
  const authFailed = createAuthFailures(context);
  const checkSecrets = createSecretsCheck(context);
  let isSettled: (() => Promise<boolean>) | undefined;
  let draining = false;
  let openApi: string | undefined;

  // The bare Router: AutoRouter hands its handlers a Proxy, on which `new Request` throws in Node.
  const router = Router<IRequest, [RequestContext], Promise<Reply>>({ base: basePath });
  for (const route of routes) {
    const register = route.method.toLowerCase() as "get" | "post" | "put" | "patch" | "delete";
    router[register](route.path, async (request, requestContext) => await callRoute(route, request, requestContext));
  }
  router.get("/openapi.json", async () => {
    openApi ??= JSON.stringify(createOpenApi(routes, { basePath, version }));
    return { status: 200, body: openApi };
  });

  async function callRoute(route: Route, request: IRequest, requestContext: RequestContext): Promise<Reply> {
    requestContext.route = route;
    const caller = await authorize(route, request as unknown as Request, requestContext);
    requestContext.actor = caller.actor;
    requestContext.sessionId = caller.session?.id;
    if (caller.linkCode !== undefined && route.operationId !== "openConsoleSession") {
      throw new Problem("session_not_allowed", "A link's code opens a console session, and does nothing else.");
    }
    if (caller.session || route.scope !== "token") await limitRate(context, caller, requestContext.headers);
    const native = request as unknown as Request;
    const { maxBodyBytes } = settings.provisioning;
    const params = decodeParams(request.params);
    const query = route.query && parseQuery(route.query, new URL(native.url).searchParams, route.repeatable);
    const body =
      route.body &&
      (await readJson(native, route.body, { maxBytes: maxBodyBytes, optional: route.bodyOptional ?? false }));
    // A body may take minutes to come, and the key may have been revoked by then.
    const current = route.body ? await authorize(route, native, requestContext) : caller;
    const madeWith = native.headers.get(madeWithHeader) ?? undefined;
    const call = { context, caller: { ...current, madeWith }, params, query, body, headers: native.headers };
    // The table pairs each handler with its own schemas; here they are all alike.
    return await route.handle(call as Parameters<Route["handle"]>[0]);
  }

  async function authorize(route: Route, request: Request, requestContext: RequestContext): Promise<Caller> {
    const { requestId, info, bearer } = requestContext;
    const rest = { requestId, address: info.address };
    if (!bearer) return operatorCaller(requestId);
    return await authorizeCaller(context, request.headers, bearer, route.scope, rest, refuseFrom(info));
  }

  const refuseFrom = (info: RequestInfo) => async (problem: Problem) => {
    context.metrics.count("openclaw_auth_failures_total", { code: problem.code });
    const seconds = await authFailed(info.address ?? "unknown");
    if (seconds === undefined) throw problem;
    const detail = `Too many failed authentications from this address; try again in ${seconds} s.`;
    throw new Problem("rate_limited", detail, { headers: { "retry-after": String(seconds) } });
  };

  async function guarded(request: Request, requestContext: RequestContext): Promise<Reply> {
    const { pathname } = new URL(request.url);
    if (!requestContext.operator) {
      const open = await openReply(request, pathname, requestContext);
      if (open) return open;
      const inside = pathname === basePath || pathname.startsWith(`${basePath}/`);
      if (inside && !settings.provisioning.enabled) {
        throw new Problem(
          "provisioning_disabled",
          'Provisioning is switched off; set OPENCLAW_PROVISIONING_ENABLED=true, or "gateway.provisioning.enabled": true in config.json.',
        );
      }
      const forHolder = pathname === `${basePath}/key` && isRead(request);
      requestContext.bearer =
        (forHolder ? await aiKeyBearer(context, request.headers) : undefined) ??
        (await authenticateBearer(context, request.headers, verifyJwt, refuseFrom(requestContext.info)));
      requestContext.actor = requestContext.bearer.actor;
      if (pathname === "/metrics" && isRead(request)) {
        if (requestContext.bearer.reach === "own" || requestContext.bearer.linkCode !== undefined) {
          throw new Problem("scope_missing", "The token reaches the agents that it made, and metrics are of all.");
        }
        await metrics.gather((cause) => context.log("warn", "some metrics could not be looked up", { cause }));
        return {
          status: 200,
          body: context.metrics.render(),
          headers: { "content-type": "text/plain; version=0.0.4" },
        };
      }
    }
    refuseKeysIn(request.url);
    // HEAD is GET without a body, which `fetch` below cuts off.
    const routed = request.method === "HEAD" ? new Request(request.url, { headers: request.headers }) : request;
    const reply = await router.fetch(routed as unknown as IRequest, requestContext);
    if (reply) return reply;
    throw unmatched(request.method, pathname);
  }

  /** What anybody may ask: that the process lives, and whether it can work. */
  async function openReply(
    request: Request,
    pathname: string,
    requestContext: RequestContext,
  ): Promise<Reply | undefined> {
    if (!isRead(request)) return undefined;
    if (pathname === "/healthz") return { status: 200, body: { status: "ok" } };
    if (pathname !== "/readyz") {
      return options.consoleAssets && (await consoleReply(context, options.consoleAssets, request));
    }
    if (draining) return { status: 503, body: { status: "draining" } };
    try {
      if (isSettled) throw new Problem("not_ready", "Changes that were interrupted are being settled.");
      await Promise.all([checkPorts(context), checkSecrets()]);
    } catch (error) {
      // Only who may call is told what it is.
      if (request.headers.has("authorization")) {
        const { actor } = await authenticateBearer(
          context,
          request.headers,
          verifyJwt,
          refuseFrom(requestContext.info),
        );
        requestContext.actor = actor;
      }
      throw error;
    }
    return { status: 200, body: { status: "ready" } };
  }

  function unmatched(method: string, pathname: string): Problem {
    const allowed = new Set<string>();
    for (const [routeMethod, pattern] of router.routes) {
      if (!pattern.test(pathname)) continue;
      allowed.add(routeMethod);
      if (routeMethod === "GET") allowed.add("HEAD");
    }
    if (/^\/(healthz|readyz|metrics)$/.test(pathname)) allowed.add("GET").add("HEAD");
    if (allowed.size === 0)
      return new Problem("not_found", `There is nothing at this address; the API is under ${basePath}.`);
    const allow = [...allowed].sort().join(", ");
    return new Problem("method_not_allowed", `${method} is not allowed here; use ${allow}.`, { headers: { allow } });
  }

  /** The one catch: whatever is thrown below becomes an answer here. */
  async function answer(request: Request, info: RequestInfo, operator: boolean): Promise<Response> {
    const startedAt = performance.now();
    const requestId = newRequestId(context);
    const requestContext: RequestContext = {
      requestId,
      info,
      operator,
      actor: operator ? "cli" : "anonymous",
      headers: {},
    };
    let response: Response;
    let failure: unknown;
    try {
      response = respond(await guarded(request, requestContext), requestId, requestContext.headers);
    } catch (error) {
      failure = error;
      const terse = requestContext.actor === "anonymous";
      response = respondProblem(error, requestId, context.log, { headers: requestContext.headers, terse });
    }
    const repeated = answers.answered(requestContext, response.status, failure);
    const route = requestContext.route?.operationId ?? "other";
    const seconds = (performance.now() - startedAt) / 1000;
    context.metrics.count("openclaw_http_requests_total", { route, status: String(response.status) });
    context.metrics.observe("openclaw_http_request_duration_seconds", seconds, { route });
    logAnswer(request, requestContext, response.status, seconds, repeated);
    return request.method === "HEAD" ? new Response(null, response) : response;
  }

  function logAnswer(
    request: Request,
    requestContext: RequestContext,
    status: number,
    seconds: number,
    repeated: boolean,
  ): void {
    const { pathname } = new URL(request.url);
    const probe = /^\/(healthz|readyz|metrics)$/.test(pathname);
    const theirs = request.headers.get("x-request-id") ?? "";
    context.log(repeated || (probe && status < 400) ? "debug" : "info", "request", {
      requestId: requestContext.requestId,
      method: request.method,
      path: withoutKeys(decodedFully(pathname)),
      status,
      ms: Math.round(seconds * 1000),
      actor: requestContext.actor,
      address: requestContext.info.address,
      ...(/^[A-Za-z0-9._-]{1,64}$/.test(theirs) && !holdsKey(theirs) && { clientRequestId: theirs }),
    });
  }

  async function becomeReady(): Promise<boolean> {
    if (isSettled && !(await isSettled())) return false;
    isSettled = undefined;
    return true;
  }

  return {
    context,
    proxy,
    async fetch(request, info = {}) {
      if (!new URL(request.url).pathname.startsWith("/proxy/")) return await answer(request, info, false);
      // Before the router, and with errors of its own: each provider's.
      return await proxy.handle(request, { address: info.address ?? "unknown", requestId: newRequestId(context) });
    },
    fetchAsOperator: async (request) => await answer(request, {}, true),
    holdReadiness(isOver) {
      isSettled = isOver;
    },
    drain() {
      draining = true;
      metrics.gauge("openclaw_draining", 1);
      proxy.drain();
    },
    writeDenials: () => answers.flush(Number.POSITIVE_INFINITY),
    async maintain(settled) {
      answers.flush();
      return await maintain(context, async () => {
        await becomeReady();
        settled?.();
      });
    },
    async recover() {
      await recoverOperations(context);
      return await becomeReady();
    },
  };
}

const isRead = (request: Request): boolean => request.method === "GET" || request.method === "HEAD";

/** @throws Problem of the first port that cannot work */
async function checkPorts({ records, ledger, audit, host }: Context): Promise<void> {
  await Promise.all([records.check?.(), ledger.check(), audit.check(), host.check()]);
}

function decodeParams(params: Record<string, string>): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch (cause) {
    throw new Problem("invalid_path", "The path is not valid percent-encoding.", { cause });
  }
}

const newRequestId = (context: Context): string =>
  `req_${Array.from(context.crypto.randomBytes(12), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
