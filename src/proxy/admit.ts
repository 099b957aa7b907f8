import { bodyMemoryBytes } from "../domain/body-memory.ts";
import { isProblem } from "../errors.ts";
import { providerWire, wireOfSlug } from "../providers/index.ts";
import type { Endpoint, ProviderWire } from "../providers/wire.ts";
import type { AiProviderRecord } from "../schema/ai-provider.ts";
import { createAuthFailures } from "../service/auth-failures.ts";
import type { Context } from "../service/context.ts";
import { aiKeyLedger } from "../storage/ledger-names.ts";
import { type Arrival, headerOf, presentedKey, readTarget, type Target } from "./arrival.ts";
import { createGrants, createUpstreamBases, type Grant } from "./grant.ts";
import { scopedIdempotencyKey } from "./headers.ts";
import { createKeyShares, type KeyShare } from "./key-shares.ts";
import { createMasterKeys } from "./master-keys.ts";
import { announcedLength, readRequest } from "./read-request.ts";
import { type Refusal, refusal } from "./refuse.ts";
import { type Reservation, reserve } from "./reserve.ts";
import { createSpentQuotas } from "./spent-quotas.ts";
import { providerRevokedMessage, type Standings } from "./standings.ts";
import { createKeyVerifier, maxRecordAgeMs, type StatedKey, suspendedMessage } from "./verify-key.ts";

export type Admission = Refusal | Grant | { outcome: "aborted" };
export type Admit = (arrival: Arrival) => Promise<Admission>;

/**
 * Verify, understand, reserve: nothing of a stranger's body is read, and nothing is sent that is not paid for.
 * Every refusal has the provider's own shape.
 */
export function createAdmission(context: Context, standings: Standings): Admit {
  const { settings, clock, ledger, metrics } = context;
  const keys = createKeyVerifier(context);
  const masterKeyOf = createMasterKeys(context);
  const grants = createGrants(context);
  const baseOf = createUpstreamBases();
  const { proxy } = settings.provisioning;
  const share = createKeyShares({ maxRequests: proxy.maxConcurrentPerKey, maxBytes: bodyMemoryBytes(proxy) });
  const authFailed = createAuthFailures(context);
  const spentQuotas = createSpentQuotas(context, keys.restate);
  /** Reservations are named by this run and a number: unique without asking anybody. */
  const run = Array.from(context.crypto.randomBytes(8), (byte) => byte.toString(16).padStart(2, "0")).join("");
  let reservations = 0;

  async function unauthorized(wire: ProviderWire, arrival: Arrival): Promise<Refusal> {
    metrics.count("openclaw_auth_failures_total", { kind: "ai-key" });
    const seconds = await authFailed(arrival.address());
    if (seconds === undefined) {
      return refusal(wire, 401, "The API key is not valid", arrival.requestId, {
        "www-authenticate": 'Bearer realm="openclaw-provisioning", error="invalid_token"',
      });
    }
    const message = `Too many failed authentications from this address; try again in ${seconds} s`;
    return refusal(wire, 429, message, arrival.requestId, { "retry-after": String(seconds) });
  }

  async function decide(arrival: Arrival, target: Target | undefined, outerWire: ProviderWire): Promise<Admission> {
    const presented = target && presentedKey(arrival.headers, target, outerWire.keyPlaces);
    const found = presented === undefined ? undefined : await keys.verify(presented, target!.slug, clock.now());
    if (!target || !found) return await unauthorized(outerWire, arrival);

    const { record } = found.key;
    const provider = await context.records.get("ai-providers", record.aiProviderId, maxRecordAgeMs);
    const wire = provider ? providerWire(provider.kind) : outerWire;
    const refuse = (status: number, message: string, headers?: Record<string, string>): Refusal => ({
      ...refusal(wire, status, message, arrival.requestId, headers),
      provider: target.slug,
    });
    if (!provider || provider.revokedAt !== undefined) return refuse(401, providerRevokedMessage);
    if (found.standing === "suspended") return refuse(400, suspendedMessage);

    const upgrades = headerOf(arrival.headers, "upgrade") !== undefined;
    const endpoint = upgrades ? undefined : wire.endpoint(arrival.method, target.path);
    if (!endpoint) return refuse(403, "This endpoint is not metered and cannot be used with this key");
    const mine = share(record.keyId);
    if (!mine) {
      countDenial(target, "maxConcurrentPerKey", "concurrency");
      return refuse(429, tooManyAtOnce(proxy.maxConcurrentPerKey), { "retry-after": "1" });
    }
    let admission: Admission | undefined;
    try {
      admission = await pay({ arrival, target, wire, before: provider, endpoint, key: found.key, share: mine, refuse });
      return admission;
    } finally {
      if (admission?.outcome !== "granted") mine.leave();
    }
  }

  async function pay({ arrival, target, wire, before, endpoint, key, share, refuse }: Verified): Promise<Admission> {
    const { record } = key;
    const denied = endpoint.body && (await spentQuotas.denialOf(key, before, endpoint, announcedLength(arrival)));
    if (denied) {
      countDenial(target, denied.quota, denied.denial.reason);
      return refuseReservation(denied, refuse);
    }
    const request = await readRequest(arrival, endpoint, proxy, share);
    if (request.outcome === "aborted") return request;
    if (request.outcome === "fault") return refuse(request.status, request.message, request.headers);
    // A body may take minutes to come, and the provider may be revoked, or have another key, by then.
    const provider = await context.records.get("ai-providers", before.id, maxRecordAgeMs);
    if (!provider || provider.revokedAt !== undefined) return refuse(401, providerRevokedMessage);
    const revoked = standings.isRevoked(provider.id);
    if (typeof revoked === "boolean" ? revoked : await revoked) return refuse(401, providerRevokedMessage);
    // Whatever can fail does so before anything is reserved.
    const base = baseOf(provider, wire);
    const opened = masterKeyOf(provider);
    const masterKey = typeof opened === "string" ? opened : await opened;
    const scoped = scopedIdempotencyKey(context.crypto, arrival.headers, record.keyId);
    const idempotencyKey = typeof scoped === "object" ? await scoped : scoped;

    const id = `${run}-${(reservations++).toString(36)}`;
    const reserved = await reserve(context, id, key, keys.restate, provider, request);
    if (reserved.outcome === "reserved") {
      share.sent(reserved.bytes?.length ?? 0);
      try {
        const ended = share.leave;
        const { digest } = key;
        const paid = { arrival, target, wire, provider, record, digest, request, reserved, id, masterKey, base, ended };
        return grants({ ...paid, idempotencyKey });
      } catch (error) {
        context.background(ledger.settle(aiKeyLedger(record.keyId).reservation(id), {}));
        throw error;
      }
    }
    if (reserved.outcome === "standing" && reserved.standing === "invalid") return await unauthorized(wire, arrival);
    if (reserved.outcome === "denied") {
      spentQuotas.refused(record.keyId);
      countDenial(target, reserved.quota, reserved.denial.reason);
    }
    return refuseReservation(reserved, refuse);
  }

  const countDenial = ({ slug }: Target, quota: string, reason: string): void =>
    metrics.count("openclaw_proxy_quota_denials_total", { provider: slug, quota, reason });

  return async (arrival) => {
    const target = readTarget(arrival.target);
    const wire = wireOfSlug(target?.slug ?? "");
    let admission: Admission;
    try {
      admission = await decide(arrival, target, wire);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      context.log("error", "a proxied request failed before it was sent", {
        requestId: arrival.requestId,
        error: message,
      });
      const unavailable = isProblem(error) && error.status === 503;
      const sealed = isProblem(error, "secret_unopenable");
      admission = refusal(
        wire,
        unavailable ? 503 : 500,
        sealed ? unopenableMessage : unavailable ? unavailableMessage : "Something unexpected went wrong",
        arrival.requestId,
      );
    }
    if (admission.outcome === "refused") {
      // A slug is a label only where a key vouched for it: anybody can think of slugs.
      const { provider = "-", status } = admission;
      metrics.count("openclaw_proxy_requests_total", { provider, outcome: `refused_${status}` });
    }
    return admission;
  };
}

/** A caller that may ask, before anything of the body is read. */
interface Verified {
  arrival: Arrival;
  target: Target;
  wire: ProviderWire;
  /** As the record was before the body. */
  before: AiProviderRecord;
  endpoint: Endpoint;
  key: StatedKey;
  share: KeyShare;
  refuse(status: number, message: string, headers?: Record<string, string>): Refusal;
}

/** Names no quota: OpenClaw is to wait and ask again. */
const tooManyAtOnce = (most: number): string =>
  `Too many requests at once with this key (${most} are under way); try again in 1 s`;

const unavailableMessage = "The request could not be accounted for; try again later";
const unopenableMessage =
  "The provider's key as this service stores it cannot be opened; its operator has to mend that (provisioning doctor)";

function refuseReservation(
  reserved: Exclude<Reservation, { outcome: "reserved" }>,
  refuse: (status: number, message: string, headers?: Record<string, string>) => Refusal,
): Refusal {
  switch (reserved.outcome) {
    case "standing":
      // Not 401 or 403: those cool OpenClaw's profile down, and resuming would not be felt.
      return refuse(400, suspendedMessage);
    case "model":
      return refuse(
        403,
        reserved.model === undefined
          ? "This key may be used with certain models only, and the request names none"
          : `This key may not be used with the model "${reserved.model.slice(0, 200)}"`,
      );
    case "unbounded":
      return refuse(400, `Not possible with a key that has a token quota: ${reserved.reason}`);
    case "denied": {
      const { message, retryAfter, transient } = reserved.denial;
      return refuse(429, message, {
        "retry-after": String(retryAfter),
        ...(!transient && { "x-should-retry": "false" }),
      });
    }
  }
}
