import { freeCallsModel } from "../domain/free-calls.ts";
import { interruptedUsage, mostWritten, type ReservedTokens } from "../domain/interrupted-usage.ts";
import { quotaCounters, requestAmounts } from "../domain/quota.ts";
import { noUsage, type TokenUsage, type ToldUsage } from "../domain/usage.ts";
import type { Labels } from "../metrics.ts";
import type { Ledger, LedgerName } from "../ports.ts";
import type { AiProviderRecord } from "../schema/ai-provider.ts";
import type { ProviderHealth } from "../service/alerts/provider-health.ts";
import type { Context } from "../service/context.ts";
import { retryUnwritable } from "../service/retry-unwritable.ts";
import type { aiKeyLedger } from "../storage/ledger-names.ts";
import type { RequestPrice } from "./request-price.ts";
import type { Meter } from "./usage/meter.ts";

export interface OpenReservation {
  names: ReturnType<typeof aiKeyLedger>;
  id: string;
  /** `YYYY-MM-DD` of the admission. */
  day: string;
  model: string;
  /** It costs no tokens, and counts in no quota. */
  isFree: boolean;
  /** Held until settled. */
  reserved: ReservedTokens;
  /** `undefined` where no price is known, and where it costs no tokens. */
  price: RequestPrice | undefined;
  reservedMicroUsd: number;
  /** Tokens a second above all that the model can write, where such a bound is known. */
  pace: number | undefined;
  provider: AiProviderRecord;
  /** Paid for by another master key than the newest, which the provider refused. */
  byFallback?: boolean;
  agentId: string;
  /** As the client is told. */
  requestId: string;
  /** Epoch milliseconds of the arrival. */
  since: number;
  /** Called once, when it ends. */
  ended(): void;
}

/** Ends a reservation, once; whatever is called later changes nothing. Neither call waits or throws. */
export interface Settlement {
  /** Nothing was sent, and nothing is charged. */
  release(reason: string): void;
  /** The provider refused it: a request, and no tokens. */
  refused(reason: string): void;
  /** It was sent, and no answer came: the provider may have done and billed it, so that what was reserved is charged. */
  abandon(reason: string): void;
  /**
   * The answer has ended, whole or cut. Without a meter it costs no tokens.
   * @param unread more may have arrived than the meter has read
   */
  finish(meter: Meter | undefined, unread?: boolean): void;
  /** Tokens that it was charged; 0 until it has ended. */
  charged(): number;
}

/** Reasons for which the client is told 502 or 503, beyond those that the transport tells of itself. */
const ofProvider = /^(5\d\d|redirect)$/;
/** Reasons that are the provider's, or its network's: a client that leaves says nothing of them. */
const failures = /^(unreachable|timeout|broken_off|redirect|5\d\d)$/;

/** The same object for the same labels: it is counted with far more often than it is new. */
function createLabels(): (provider: string, outcome?: string, agent?: string) => Labels {
  const kept = new Map<string, Labels>();
  return (provider, outcome = "", agent = "") => {
    const key = `${provider} ${outcome} ${agent}`;
    let labels = kept.get(key);
    if (!labels) {
      labels = { provider, ...(outcome !== "" && { outcome }), ...(agent !== "" && { agent }) };
      if (kept.size < 10_000) kept.set(key, labels);
    }
    return labels;
  };
}

/** By counter, as it was reserved. */
function amountsIn(names: OpenReservation["names"], cost: { tokens: number; microUsd: number }) {
  const amounts = requestAmounts(cost);
  const actual: Record<LedgerName, number> = {};
  for (const counter of quotaCounters) actual[names[counter]] = amounts[counter];
  return actual;
}

export function createSettlements(context: Context, health: ProviderHealth): (open: OpenReservation) => Settlement {
  const { ledger, metrics, settings, clock, meter } = context;
  let unsettled = 0;
  const labels = createLabels();
  metrics.beforeRender(() => metrics.gauge("openclaw_proxy_reservations_open", unsettled));

  return (open) => {
    const { provider } = open.provider;
    // The machine's own time may be set back meanwhile.
    const begun = performance.now();
    let settled = false;
    let charged = 0;
    let why: string | undefined;
    unsettled++;

    function settle(outcome: string, ...how: Parameters<Ledger["settle"]>): void {
      settled = true;
      open.ended();
      unsettled--;
      const agent = settings.provisioning.metrics.agentLabels ? open.agentId : "";
      metrics.count("openclaw_proxy_requests_total", labels(provider, outcome, agent));
      metrics.observe("openclaw_proxy_request_duration_seconds", (clock.now() - open.since) / 1000, labels(provider));
      meter.spent(open.agentId, charged);
      if (why === undefined) {
        if (!open.byFallback) health.works(open.provider);
      } else if (failures.test(why)) health.fails(open.provider, why);
      logEnd(outcome);
      // A failure here must never hide the provider's answer; what is not settled stays charged as reserved.
      context.background(
        retryUnwritable(() => ledger.settle(...how)).catch((error: unknown) => {
          metrics.count("openclaw_proxy_settle_failures_total", { provider });
          context.log("error", "a metered request could not be settled and stays charged as reserved", {
            provider,
            agentId: open.agentId,
            error: error instanceof Error ? error.message : String(error),
          });
        }),
      );
    }

    function logEnd(outcome: string): void {
      const level = why !== undefined && ofProvider.test(why) ? "info" : "debug";
      if (level === "debug" && settings.logLevel !== "debug") return;
      const { requestId, agentId, model, since } = open;
      const spent = { tokens: charged, ms: clock.now() - since };
      context.log(level, "metered request", {
        requestId,
        agentId,
        provider,
        model,
        outcome,
        ...(why !== undefined && { reason: why }),
        ...spent,
      });
    }

    /**
     * @param usage what is charged, of which `told` is confirmed by the provider
     * @param cut of what broke off, the most that the money can be
     */
    function charge(outcome: string, usage: TokenUsage, told: ToldUsage, metered: boolean, cut = 0): void {
      const { total: tokens, input: inputTokens } = usage;
      charged = tokens;
      const estimated = tokens - told.total;
      const toldMicroUsd = open.price && metered ? open.price.told(told) : 0;
      const microUsd = Math.max(toldMicroUsd, Math.min(cut, open.reservedMicroUsd));
      if (metered) {
        const kind = estimated === 0 ? "metered" : "estimated";
        metrics.count("openclaw_proxy_tokens_total", labels(provider, kind), tokens);
      }
      const { names } = open;
      settle(
        outcome,
        names.reservation(open.id),
        open.isFree ? { [names.free]: 1 } : amountsIn(names, { tokens, microUsd }),
        {
          name: names.usage,
          day: open.day,
          model: open.isFree ? freeCallsModel : open.model,
          requests: 1,
          inputTokens,
          cacheReadTokens: told.parts.cacheRead,
          cacheWriteTokens: told.parts.cacheWrite + told.parts.cacheWrite1h,
          outputTokens: tokens - inputTokens,
          tokens,
          webSearches: told.webSearches,
          microUsd,
          unpricedRequests: tokens > 0 && open.price === undefined ? 1 : 0,
          ...((estimated > 0 || microUsd > toldMicroUsd) && {
            estimate: {
              tokens: { counter: names.tokens, amount: estimated },
              microUsd: { counter: names.usd, amount: microUsd - toldMicroUsd },
            },
          }),
        },
      );
    }

    function chargeReserved(told: ToldUsage): void {
      const { input, output } = open.reserved;
      const total = Math.max(told.total, input + output);
      const usage = { input: Math.min(Math.max(told.input, input), total), output, total };
      charge("cut", usage, told, total > 0, open.reservedMicroUsd);
    }

    /** The real cost is known only at the end. Without it, the most that it may have been stands. */
    function chargeCut(meter: Meter, unread: boolean): void {
      const progress = meter.progress();
      if (progress === undefined) chargeReserved(meter.usage());
      else {
        const reached = unread ? { ...progress, outputBytes: undefined } : progress;
        const most = open.pace === undefined ? undefined : mostWritten(open.pace, performance.now() - begun);
        const usage = interruptedUsage(open.reserved, reached, most);
        charge("cut", usage, progress.told, true, open.price?.cut(usage, progress.told, progress.inputIsTold));
      }
    }

    return {
      release(reason) {
        if (settled) return;
        why = reason;
        metrics.count("openclaw_proxy_upstream_errors_total", { provider, reason });
        settle("upstream_error", open.names.reservation(open.id), {});
      },

      refused(reason) {
        if (settled) return;
        why = reason;
        metrics.count("openclaw_proxy_upstream_errors_total", { provider, reason });
        charge("upstream_error", noUsage, noUsage, false);
      },

      abandon(reason) {
        if (settled) return;
        why = reason;
        metrics.count("openclaw_proxy_upstream_errors_total", { provider, reason });
        chargeReserved(noUsage);
      },

      charged: () => charged,

      finish(meter, unread = false) {
        if (settled) return;
        if (meter === undefined) charge("answered", noUsage, noUsage, false);
        else if (meter.isComplete()) {
          const told = meter.usage();
          charge("answered", told, told, true);
        } else chargeCut(meter, unread);
      },
    };
  };
}
