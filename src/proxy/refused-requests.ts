import type { ProviderWire } from "../providers/shared/wire.ts";
import { createQuotaAlerts, createUnpricedAlerts } from "../service/alerts/quota-alerts.ts";
import { createAuthFailures } from "../service/auth-failures.ts";
import type { Context } from "../service/context.ts";
import type { ProxyRequest, Target } from "./proxy-request.ts";
import { type Refusal, type Refused, refusal, reservationRefused } from "./refuse.ts";
import type { Denied, Reservation } from "./reserve.ts";
import type { KeySnapshot } from "./verify-key.ts";

/** A request whose key is valid. */
export interface VerifiedRequest {
  proxyRequest: ProxyRequest;
  target: Target;
  wire: ProviderWire;
  key: KeySnapshot;
  refuse(refused: Refused): Refusal;
}

/** The refusals that metrics, webhooks or the console tell of. */
export interface RefusedRequests {
  /** The request shows no valid key. */
  unauthorized(wire: ProviderWire, proxyRequest: ProxyRequest): Promise<Refusal>;
  /** The key has as many requests under way as it may. */
  tooMany(request: Pick<VerifiedRequest, "target" | "refuse">): Refusal;
  /** A quota has too little left. */
  denied(request: VerifiedRequest, denied: Denied): Refusal;
  /** The ledger reserved nothing. */
  unreserved(request: VerifiedRequest, why: Exclude<Reservation, { outcome: "reserved" }>): Promise<Refusal>;
}

export function createRefusedRequests(context: Context): RefusedRequests {
  const { metrics } = context;
  const { maxConcurrentPerKey } = context.settings.provisioning.proxy;
  const authFailed = createAuthFailures(context);
  const quotaRefused = createQuotaAlerts(context);
  const unpricedRefused = createUnpricedAlerts(context);

  const count = ({ slug }: Target, quota: string, reason: string): void =>
    metrics.count("openclaw_proxy_quota_denials_total", { provider: slug, quota, reason });

  return {
    async unauthorized(wire, proxyRequest) {
      metrics.count("openclaw_auth_failures_total", { kind: "ai-key" });
      const seconds = await authFailed(proxyRequest.address());
      return refusal(wire, proxyRequest.requestId, seconds === undefined ? notValid : throttled(seconds));
    },

    tooMany({ target, refuse }) {
      count(target, "maxConcurrentPerKey", "concurrency");
      return refuse(tooManyAtOnce(maxConcurrentPerKey));
    },

    denied({ target, key: { record }, refuse }, denied) {
      count(target, denied.quota, denied.denial.reason);
      context.meter.denied(record.agentId);
      quotaRefused(record, denied);
      return refuse(reservationRefused(denied));
    },

    async unreserved(request, why) {
      const { proxyRequest, target, wire, key, refuse } = request;
      if (why.outcome === "standing" && why.standing === "invalid") return await this.unauthorized(wire, proxyRequest);
      if (why.outcome === "denied") return this.denied(request, why);
      if (why.outcome === "unpriced") {
        metrics.count("openclaw_proxy_unpriced_requests_total", { provider: target.slug });
        unpricedRefused(key.record, target.slug, why.model);
      }
      return refuse(reservationRefused(why));
    },
  };
}

const notValid: Refused = {
  status: 401,
  message: "The API key is not valid",
  headers: { "www-authenticate": 'Bearer realm="openclaw-provisioning", error="invalid_token"' },
};

const throttled = (seconds: number): Refused => ({
  status: 429,
  message: `Too many failed authentications from this address; try again in ${seconds} s`,
  headers: { "retry-after": String(seconds) },
});

/** Names no quota: OpenClaw is to wait and ask again. */
const tooManyAtOnce = (most: number): Refused => ({
  status: 429,
  message: `Too many requests at once with this key (${most} are under way); try again in 1 s`,
  headers: { "retry-after": "1" },
});
