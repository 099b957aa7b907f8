import { GrowingBytes } from "../domain/growing-bytes.ts";
import { wireOfSlug } from "../providers/registry.ts";
import type { Context } from "../service/context.ts";
import { type Admit, createAdmission } from "./admit.ts";
import { type ProxyRequest, type ReadBody, readTarget } from "./proxy-request.ts";
import { type Refusal, refusal } from "./refuse.ts";
import { createStandings, type Standings } from "./standings.ts";
import { relay, respond } from "./web-relay.ts";

interface ProxyRequestInfo {
  /** The client's address, for the throttle of failed authentications. */
  address: string;
  requestId: string;
}

/** The metering proxy over Web APIs: for Workers, and wherever no faster transport is at hand. */
export interface Proxy {
  /** Called by transports of their own: what is granted must be settled. */
  admit: Admit;
  standings: Standings;
  /** From here on nothing is admitted; what was goes on. */
  drain(): void;
  /** Never rejects. */
  handle(request: Request, info: ProxyRequestInfo): Promise<Response>;
}

/** Requests refused while it drains are answered 503, so that a client tries another process. */
export function createProxy(context: Context): Proxy {
  const standings = createStandings(context);
  const admission = createAdmission(context, standings);
  let draining = false;
  const admit: Admit = (proxyRequest) =>
    draining ? Promise.resolve(refuseDraining(context, proxyRequest)) : admission(proxyRequest);
  return {
    admit,
    standings,
    drain() {
      draining = true;
    },
    async handle(request, info) {
      const admission = await admit(proxyRequestOf(request, info));
      switch (admission.outcome) {
        case "aborted":
          return new Response(null, { status: 499 });
        case "answered":
          return new Response(null, admission);
        case "refused":
          return respond(admission);
        case "granted":
          return await relay(context, standings, admission, request.signal);
      }
    },
  };
}

/** The client comes back on another connection, to another instance or to this one's successor. */
function refuseDraining({ metrics, log }: Context, { target, requestId }: ProxyRequest): Refusal {
  log("info", "a metered request was refused", { requestId, status: 503, message: "draining" });
  metrics.count("openclaw_proxy_requests_total", { provider: "-", outcome: "refused_draining" });
  const wire = wireOfSlug(readTarget(target)?.slug ?? "");
  return refusal(wire, requestId, {
    status: 503,
    message: "This service is being restarted; try again in a moment",
    headers: { "retry-after": "2", connection: "close" },
  });
}

function proxyRequestOf(request: Request, { address, requestId }: ProxyRequestInfo): ProxyRequest {
  const { pathname, search } = new URL(request.url);
  return {
    method: request.method,
    target: pathname + search,
    headers: [...request.headers].flat(),
    address: () => address,
    requestId,
    body: (...how) => readBody(request, ...how),
  };
}

async function readBody(request: Request, ...[refuse, timeoutMs]: Parameters<ProxyRequest["body"]>): Promise<ReadBody> {
  const reader = request.body?.getReader();
  if (!reader) return { outcome: "read", bytes: new Uint8Array() };
  const bytes = new GrowingBytes();
  let late = false;
  // Not waited for: a source that hangs may hang in this too.
  const cancel = () => void reader.cancel().catch(() => {});
  const timer = setTimeout(() => {
    late = true;
    cancel();
  }, timeoutMs);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (late) return { outcome: "late" };
      if (done) return { outcome: "read", bytes: bytes.whole() };
      const refusal = refuse(bytes.length + value.length);
      if (refusal) {
        cancel();
        return refusal;
      }
      bytes.add(value);
    }
  } catch {
    return { outcome: late ? "late" : "aborted" };
  } finally {
    clearTimeout(timer);
  }
}
