import { createContext } from "./create-context.ts";
import { newRequestId } from "./domain/request-id.ts";
import { Problem } from "./errors.ts";
import { createAnswerAudit } from "./http/audit-answer.ts";
import type { VerifyJwt } from "./http/bearer.ts";
import type { Reply, RequestInfo } from "./http/call.ts";
import { type ConsoleAssets, consoleReply } from "./http/console-page.ts";
import { createGuards } from "./http/guards.ts";
import { observeAnswer } from "./http/observe.ts";
import { createReadiness } from "./http/readiness.ts";
import { refuseKeysIn } from "./http/refuse-keys.ts";
import { isRead, type RequestContext } from "./http/request-context.ts";
import { respond, respondProblem } from "./http/respond.ts";
import { createRouter } from "./http/route-requests.ts";
import { createVerifyJwt } from "./http/verify-jwt.ts";
import { type MetricValues, renderMetrics } from "./metrics.ts";
import { createOpenApi } from "./openapi/openapi.ts";
import { createProxy, type Proxy as MeteringProxy } from "./proxy/web-proxy.ts";
import { routes } from "./routes.ts";
import type { Context } from "./service/context.ts";
import { gaugeGateways } from "./service/gateways/gateway-metrics.ts";
import { type Maintained, maintain } from "./service/maintenance/maintain.ts";
import { settleLost } from "./service/maintenance/settle-lost-reservations.ts";
import { recoverOperations } from "./service/operations/recover.ts";
import type { Settings } from "./settings.ts";
import type { Ports } from "./storage/keyspace.ts";
import { version } from "./version.ts";

/** The whole service, free of any runtime: a target serves `fetch`, and calls the rest at its times. */
export interface App {
  fetch(request: Request, info?: RequestInfo): Promise<Response>;
  /** The same routes with the local operator's authority: no credentials, no rate limit. Never expose it. */
  fetchAsOperator(request: Request): Promise<Response>;
  /**
   * Settles what dead processes left, and retries what could not be revoked. Run it at start and now and then.
   * @param settled called once the former is done, before any provider is asked
   */
  maintain(settled?: () => void): Promise<Maintained>;
  /** The part of `maintain` that waits for no provider. Resolves to whether the service is ready. */
  recover(): Promise<boolean>;
  /**
   * Readiness is refused from here until what dead processes left is settled.
   * @param isOver asked after each attempt: whether nothing is under way any more that others had begun
   */
  holdReadiness(isOver: () => Promise<boolean>): void;
  /** Asks that once more, without settling anything: for a process that another one settles for. */
  releaseReadiness(): Promise<boolean>;
  /** From here on `/readyz` says so, and no metered call is admitted; all else goes on as before. */
  drain(): void;
  /**
   * Denials that are repeated within a minute are counted, and the counts are written after it: this writes them now.
   * `maintain` writes those of a minute that is over.
   */
  writeDenials(which?: "all" | "over"): void;
  context: Context;
  /** This process's own, looked up now. */
  metricValues(): Promise<MetricValues>;
  /** The proxy for transports that serve `/proxy/` below the fetch layer. */
  proxy: MeteringProxy;
}

/** Parts that a target has, and those that a test puts in place of the real ones. */
export interface AppOptions {
  /** Taken in place of the issuer of the settings: who a bearer is that is not the gateway token. */
  verifyBearer?: VerifyJwt | undefined;
  /** The operator's page; absent: none is served. */
  consoleAssets?: (() => Promise<ConsoleAssets>) | undefined;
  /** The metrics of all processes that serve as one, this one's among them. Default: this one's alone. */
  allMetrics?: (() => Promise<MetricValues>) | undefined;
}

/** The whole product as one fetch handler over its ports. */
export function createApp(ports: Ports, settings: Settings, options: AppOptions = {}): App {
  let stopping = false;
  const context = createContext(ports, settings, () => stopping);
  const { metrics } = context;
  metrics.gauge("openclaw_build_info", 1, { version });
  metrics.gauge("openclaw_draining", 0);
  // One process alone of several asks other gateways. Each looks at a host of its own, whose reloads it has seen.
  if (!options.allMetrics || !ports.host.gateways) metrics.beforeRender(() => gaugeGateways(context));
  const { basePath } = settings.provisioning;
  const proxy = createProxy(context);
  const answers = createAnswerAudit(context);
  const readiness = createReadiness(context);
  const guards = createGuards(context, options.verifyBearer ?? createVerifyJwt(context));
  let document: string | undefined;
  const openApi = () => (document ??= JSON.stringify(createOpenApi(routes, { basePath, version })));
  const routeRequest = createRouter({ context, guards, routes, openApi });

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
      requestContext.bearer = await guards.authenticate(request, requestContext.info);
      requestContext.actor = requestContext.bearer.actor;
      if (pathname === "/metrics" && isRead(request)) return await metricsReply(requestContext);
    }
    refuseKeysIn(request.url);
    return await routeRequest(request, requestContext);
  }

  async function metricsReply({ bearer }: RequestContext): Promise<Reply> {
    if (bearer?.reach === "own" || bearer?.linkCode !== undefined) {
      throw new Problem("scope_missing", "The token reaches the agents that it made, and metrics are of all.");
    }
    const values = await (options.allMetrics ?? metricValues)();
    return { status: 200, body: renderMetrics(values), headers: { "content-type": "text/plain; version=0.0.4" } };
  }

  async function metricValues(): Promise<MetricValues> {
    await metrics.gather((cause) => context.log("warn", "some metrics could not be looked up", { cause }));
    return metrics.values();
  }

  /** Anybody may ask whether the process lives, and whether it can work. */
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
    try {
      const status = await readiness.status();
      return { status: status === "ready" ? 200 : 503, body: { status } };
    } catch (error) {
      // Only who may call is told what it is.
      if (request.headers.has("authorization")) {
        requestContext.actor = (await guards.authenticate(request, requestContext.info)).actor;
      }
      throw error;
    }
  }

  /** The one catch: whatever is thrown below becomes an answer here. */
  async function answer(request: Request, info: RequestInfo, operator: boolean): Promise<Response> {
    const startedAt = performance.now();
    const requestId = newRequestId(context.crypto.randomBytes);
    const actor = operator ? "cli" : "anonymous";
    const requestContext: RequestContext = { requestId, info, operator, actor, headers: {} };
    let response: Response;
    let failure: unknown;
    try {
      response = respond(await guarded(request, requestContext), requestId, requestContext.headers);
    } catch (error) {
      failure = error;
      const terse = requestContext.actor === "anonymous";
      response = respondProblem(error, requestId, context.log, { headers: requestContext.headers, terse });
    }
    const { status } = response;
    const repeated = answers.answered(requestContext, status, failure);
    const seconds = (performance.now() - startedAt) / 1000;
    observeAnswer(context, request, requestContext, { status, seconds, repeated });
    return request.method === "HEAD" ? new Response(null, response) : response;
  }

  return {
    context,
    proxy,
    async fetch(request, info = {}) {
      if (!new URL(request.url).pathname.startsWith("/proxy/")) return await answer(request, info, false);
      // Before the router, and with errors of its own: each provider's.
      return await proxy.handle(request, {
        address: info.address ?? "unknown",
        requestId: newRequestId(context.crypto.randomBytes),
      });
    },
    fetchAsOperator: async (request) => await answer(request, {}, true),
    metricValues,
    holdReadiness: readiness.hold,
    releaseReadiness: readiness.release,
    drain() {
      readiness.drain();
      metrics.gauge("openclaw_draining", 1);
      proxy.drain();
      stopping = true;
    },
    writeDenials: (which = "all") => answers.flush(which === "all" ? Number.POSITIVE_INFINITY : undefined),
    async maintain(settled) {
      answers.flush();
      return await maintain(context, async () => {
        await readiness.release();
        settled?.();
      });
    },
    async recover() {
      await Promise.all([recoverOperations(context), settleLost(context)]);
      return await readiness.release();
    },
  };
}
