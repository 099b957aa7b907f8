import { bodyMemoryBytes } from "../domain/body-memory.ts";
import { toHex } from "../domain/hex.ts";
import { periodOf } from "../domain/quota.ts";
import { isProblem } from "../errors.ts";
import type { LedgerName } from "../ports.ts";
import { providers, wireOfSlug } from "../providers/registry.ts";
import type { Endpoint, ProviderWire } from "../providers/shared/wire.ts";
import type { AiProviderRecord } from "../schema/ai-provider.ts";
import type { Context } from "../service/context.ts";
import { retryUnwritable } from "../service/retry-unwritable.ts";
import { aiKeyLedger } from "../storage/ledger-names.ts";
import { type AdmittedRequest, createAdmittedRequests } from "./admitted-request.ts";
import { createCors } from "./cors.ts";
import { answerGuards, scopedIdempotencyKey } from "./headers.ts";
import { createKeyShares, type KeyShare } from "./key-shares.ts";
import { createMasterKeys } from "./master-keys.ts";
import { firstModel } from "./models-of.ts";
import { headerOf, type ProxyRequest, presentedKey, readTarget, type Target } from "./proxy-request.ts";
import { announcedLength, readRequest } from "./read-request.ts";
import { type Refusal, type Refused, refusal } from "./refuse.ts";
import { createRefusedRequests, type VerifiedRequest } from "./refused-requests.ts";
import { pricedRequest } from "./request-charge.ts";
import { type Reservation, reserve } from "./reserve.ts";
import { createSpentQuotas } from "./spent-quotas.ts";
import { providerRevokedMessage, type Standings } from "./standings.ts";
import { createUpstreamBases } from "./upstream-bases.ts";
import { createUsageAsking } from "./usage-asking.ts";
import { createUsageModels } from "./usage-models.ts";
import { createKeyVerifier, maxRecordAgeMs, suspendedMessage, type VerifiedKey } from "./verify-key.ts";

type Admission =
  | Refusal
  | AdmittedRequest
  /** Not a metered call: nothing is sent and nothing is looked up. */
  | { outcome: "answered"; status: number; headers: Record<string, string> }
  | { outcome: "aborted" };
export type Admit = (proxyRequest: ProxyRequest) => Promise<Admission>;

/**
 * Verify, understand, reserve: nothing of a stranger's body is read, and nothing is sent that is not paid for.
 * Every refusal has the provider's own shape.
 */
export function createAdmission(context: Context, standings: Standings): Admit {
  const { settings, clock, ledger, metrics } = context;
  const { proxy } = settings.provisioning;
  const keys = createKeyVerifier(context);
  const { masterKeyOf, fallbacksOf } = createMasterKeys(context);
  const corsOf = createCors(proxy.corsOrigins);
  const asking = createUsageAsking(proxy.tellsUsage);
  const usageModels = createUsageModels(context);
  const admittedRequests = createAdmittedRequests(context, asking);
  const baseOf = createUpstreamBases();
  const share = createKeyShares({ maxRequests: proxy.maxConcurrentPerKey, maxBytes: bodyMemoryBytes(proxy) });
  const refused = createRefusedRequests(context);
  const spentQuotas = createSpentQuotas(context, keys.restate);
  /** Reservations are named by the instance, this run and a number: unique, and found once the process is gone. */
  const run = `${context.instance.id}.${toHex(context.crypto.randomBytes(8))}`;
  let reservations = 0;
  let givingBack = 0;

  /** Nothing was sent for it, and nothing is charged. */
  function giveBack(reservation: LedgerName): void {
    // Those that the ledger had when it went away come first; the others' never reached it.
    if (givingBack >= mostGivenBack) return;
    givingBack++;
    const settled = retryUnwritable(() => ledger.settle(reservation, {}), context.ending)
      .catch((cause: unknown) =>
        context.log("error", "a request that was not sent may stay charged as reserved", { cause }),
      )
      .finally(() => givingBack--);
    context.background(settled);
  }

  /** The key, and what may not be done with it, before anything of the body is read; at once where it is remembered. */
  function verify(
    proxyRequest: ProxyRequest,
    target: Target | undefined,
    outerWire: ProviderWire,
  ): Verified | Refusal | Promise<Verified | Refusal> {
    const presented = target && presentedKey(proxyRequest.headers, target, outerWire.keyPlaces);
    if (presented === undefined) return refused.unauthorized(outerWire, proxyRequest);
    const verified = keys.verify(presented, target!.slug, clock.now());
    return verified instanceof Promise ? verified.then(whenFound) : whenFound(verified);

    function whenFound(found: Awaited<typeof verified>): ReturnType<typeof verify> {
      if (!found) return refused.unauthorized(outerWire, proxyRequest);
      const stored = context.records.recent("ai-providers", found.key.record.aiProviderId, maxRecordAgeMs);
      const judged = (provider: Awaited<typeof stored>) => judge(proxyRequest, target!, provider, found);
      return stored instanceof Promise ? stored.then(judged) : judged(stored);
    }
  }

  function judge(
    proxyRequest: ProxyRequest,
    target: Target,
    provider: AiProviderRecord | undefined,
    { key, standing }: VerifiedKey,
  ): Verified | Refusal {
    const wire = provider ? providers[provider.kind].wire : wireOfSlug(target.slug);
    const refuse = (why: Refused): Refusal => ({
      ...refusal(wire, proxyRequest.requestId, why),
      provider: target.slug,
    });
    if (!provider || provider.revokedAt !== undefined) return refuse(providerRevoked);
    if (standing === "suspended") return refuse({ status: 400, message: suspendedMessage });
    // Codex tries a WebSocket first, and goes on over HTTP at this status.
    if (headerOf(proxyRequest.headers, "upgrade") !== undefined) return refuse(noUpgrade);
    const endpoint = wire.endpoint(proxyRequest.method, target.path);
    if (!endpoint) return refuse({ status: 403, message: notMetered(wire) });
    const mine = share(key.record.keyId);
    if (!mine) return refused.tooMany({ target, refuse });
    return { outcome: "verified", proxyRequest, target, wire, before: provider, endpoint, key, share: mine, refuse };
  }

  async function pay(verified: Verified): Promise<Admission> {
    const { proxyRequest, target, wire, before, endpoint, key, share, refuse } = verified;
    const { record } = key;
    const looked = endpoint.body && spentQuotas.denialOf(key, before, endpoint, announcedLength(proxyRequest));
    const denied = looked instanceof Promise ? await looked : looked;
    if (denied) return refused.denied(verified, denied);
    const read = readRequest(proxyRequest, endpoint, proxy, share);
    const request = read instanceof Promise ? await read : read;
    if (request.outcome === "aborted") return request;
    if (request.outcome === "fault") return refuse(request);
    // A body may take minutes to come, and the provider may be revoked, or have another key, by then.
    const known = context.records.recent("ai-providers", before.id, maxRecordAgeMs);
    const stored = known instanceof Promise ? await known : known;
    if (!stored || stored.revokedAt !== undefined) return refuse(providerRevoked);
    const newest = standings.newest(stored);
    const provider = newest instanceof Promise ? await newest : newest;
    if (provider.revokedAt !== undefined) return refuse(providerRevoked);
    const asked = firstModel(request);
    if (request.reading?.added && asking.isNeedless(provider, asked)) request.reading.added = undefined;
    // Each step that can fail does so before anything is reserved.
    const base = baseOf(provider);
    const opened = masterKeyOf(provider);
    const masterKey = typeof opened === "string" ? opened : await opened;
    const masterKeys = provider.previous ? [masterKey, ...(await fallbacksOf(provider))] : [masterKey];
    const scoped = scopedIdempotencyKey(context.crypto, proxyRequest.headers, record.keyId);
    const idempotencyKey = typeof scoped === "object" ? await scoped : scoped;

    const names = aiKeyLedger(record.keyId);
    const reservation = names.reservation(`${run}-${(reservations++).toString(36)}`);
    const current = endpoint.format === undefined ? undefined : context.prices.current();
    const prices = current instanceof Promise ? await current : current;
    const priced = pricedRequest(settings, provider, request, prices);
    let reserved: Reservation;
    try {
      reserved = await reserve(context, { reservation, priced, key, restate: keys.restate });
    } catch (error) {
      // It may have landed all the same, its answer lost.
      giveBack(reservation);
      throw error;
    }
    if (reserved.outcome !== "reserved") {
      if (reserved.outcome === "denied") spentQuotas.refused(record.keyId);
      return await refused.unreserved(verified, reserved);
    }
    share.sent(reserved.bytes?.length ?? 0);
    const { omitted } = reserved.charge;
    if (omitted) {
      const fields = { requestId: proxyRequest.requestId, provider: target.slug, tools: omitted };
      context.log("debug", "tools that run at the provider were left out of a request", fields);
    }
    try {
      const day = periodOf("day", reserved.charge.now);
      const named = usageModels(names.usage, day, asked);
      return admittedRequests({
        proxyRequest,
        target,
        wire,
        provider,
        record,
        digest: key.digest,
        request,
        reserved,
        reservation,
        masterKeys,
        idempotencyKey,
        base,
        day,
        model: asked,
        usageModel: typeof named === "string" ? named : await named,
        ended: () => share.leave(),
      });
    } catch (error) {
      giveBack(reservation);
      throw error;
    }
  }

  return async (proxyRequest) => {
    const target = readTarget(proxyRequest.target);
    const { headers, preflight } = corsOf(proxyRequest);
    if (preflight && target) return { outcome: "answered", status: 204, headers: { ...answerGuards, ...preflight } };
    proxyRequest.cors = headers;
    // Claude Code opens its connection so, without a key: no failed authentication, and the same for every slug.
    if (proxyRequest.method === "HEAD" && target && basePath.test(target.path)) return greeting;
    const wire = wireOfSlug(target?.slug ?? "");
    let admission: Admission;
    let mine: KeyShare | undefined;
    try {
      const known = verify(proxyRequest, target, wire);
      const verified = known instanceof Promise ? await known : known;
      if (verified.outcome === "refused") admission = verified;
      else {
        mine = verified.share;
        admission = await pay(verified);
      }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      context.log("error", "a proxied request failed before it was sent", {
        requestId: proxyRequest.requestId,
        error: message,
      });
      const unavailable = isProblem(error) && error.status === 503;
      const sealed = isProblem(error, "secret_unopenable");
      admission = refusal(wire, proxyRequest.requestId, {
        status: unavailable ? 503 : 500,
        message: sealed ? unopenableMessage : unavailable ? unavailableMessage : "Something unexpected went wrong",
      });
    }
    if (admission.outcome !== "granted") mine?.leave();
    if (admission.outcome === "refused") {
      Object.assign(admission.headers, headers);
      // A slug is a label only where a key vouched for it: anybody can think of slugs.
      const { provider = "-", status, message } = admission;
      metrics.count("openclaw_proxy_requests_total", { provider, outcome: `refused_${status}` });
      // Requests that show no key of ours can come from anybody, as many as a disk holds.
      const level = admission.provider === undefined && status < 500 ? "debug" : "info";
      context.log(level, "a metered request was refused", {
        requestId: proxyRequest.requestId,
        provider,
        status,
        message,
      });
    }
    return admission;
  };
}

/** A request that may be sent, before anything of its body is read. */
interface Verified extends VerifiedRequest {
  outcome: "verified";
  /** As the record was before the body. */
  before: AiProviderRecord;
  endpoint: Endpoint;
  share: KeyShare;
}

/** At once, of a ledger that is away. */
const mostGivenBack = 1_000;

/** The bases that SDKs take, below `/proxy/<slug>`. */
const basePath = /^(\/api)?(\/v1(beta)?)?\/?$/;
const greeting: Admission = { outcome: "answered", status: 204, headers: answerGuards };

const providerRevoked: Refused = { status: 401, message: providerRevokedMessage };
const noUpgrade: Refused = {
  status: 426,
  message: "WebSockets are not metered: use HTTP",
  headers: { upgrade: "HTTP/1.1" },
};
const notMetered = ({ metered }: ProviderWire): string =>
  `This endpoint is not metered and cannot be used with this key; metered are ${metered}`;

const unavailableMessage = "The request could not be accounted for; try again later";
const unopenableMessage =
  "The provider's key as this service stores it cannot be opened; its operator has to mend that (provisioning doctor)";
