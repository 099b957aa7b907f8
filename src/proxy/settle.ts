import type { TokenUsage } from "../domain/usage.ts";
import type { Labels } from "../metrics.ts";
import type { Ledger } from "../ports.ts";
import type { Context } from "../service/context.ts";
import { patiently } from "../service/patiently.ts";
import type { aiKeyLedger } from "../storage/ledger-names.ts";
import type { Meter } from "./usage/meter.ts";

export interface OpenReservation {
  names: ReturnType<typeof aiKeyLedger>;
  id: string;
  /** `YYYY-MM-DD` of the admission. */
  day: string;
  model: string;
  /** Tokens held until settled. */
  tokens: number;
  provider: string;
  agentId: string;
  /** Epoch milliseconds of the arrival. */
  since: number;
  /** Called once, when it ends. */
  ended(): void;
}

/** Ends a reservation, once; whatever is called later changes nothing. Neither call waits or throws. */
export interface Settlement {
  /** Nothing was spent: the upstream refused, or did not answer. */
  release(reason: string): void;
  /** It was sent, and the answer never came: the provider may have done and billed it, so what was reserved is charged. */
  abandon(reason: string): void;
  /** The answer has ended, whole or cut. Without a meter it costs no tokens. */
  finish(meter: Meter | undefined): void;
}

const nothing: TokenUsage = { input: 0, output: 0, total: 0 };

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

export function createSettlements(context: Context): (open: OpenReservation) => Settlement {
  const { ledger, metrics, settings, clock } = context;
  let unsettled = 0;
  const labels = createLabels();
  const gauge = () => metrics.gauge("openclaw_proxy_reservations_open", unsettled);

  return (open) => {
    const { provider } = open;
    let settled = false;
    unsettled++;
    gauge();

    function settle(outcome: string, ...how: Parameters<Ledger["settle"]>): void {
      settled = true;
      open.ended();
      unsettled--;
      gauge();
      const agent = settings.provisioning.metrics.agentLabels ? open.agentId : "";
      metrics.count("openclaw_proxy_requests_total", labels(provider, outcome, agent));
      metrics.observe("openclaw_proxy_request_duration_seconds", (clock.now() - open.since) / 1000, labels(provider));
      // A failure here must never hide the provider's answer; what is not settled stays charged as reserved.
      context.background(
        patiently(() => ledger.settle(...how)).catch((error: unknown) => {
          metrics.count("openclaw_proxy_settle_failures_total", { provider });
          context.log("error", "a metered request could not be settled and stays charged as reserved", {
            provider,
            agentId: open.agentId,
            error: error instanceof Error ? error.message : String(error),
          });
        }),
      );
    }

    /** What it really cost is known only at the end: without it the bound stands. */
    function charge(usage: TokenUsage, whole: boolean, metered: boolean): void {
      const tokens = whole ? usage.total : Math.max(usage.total, open.tokens);
      const inputTokens = Math.min(usage.input, tokens);
      if (metered) {
        metrics.count("openclaw_proxy_tokens_total", labels(provider, whole ? "metered" : "estimated"), tokens);
      }
      settle(
        whole ? "answered" : "cut",
        open.names.reservation(open.id),
        { [open.names.tokens]: tokens, [open.names.requests]: 1 },
        {
          name: open.names.usage,
          day: open.day,
          model: open.model,
          requests: 1,
          inputTokens,
          outputTokens: tokens - inputTokens,
          tokens,
        },
      );
    }

    return {
      release(reason) {
        if (settled) return;
        metrics.count("openclaw_proxy_upstream_errors_total", { provider, reason });
        settle("upstream_error", open.names.reservation(open.id), {});
      },

      abandon(reason) {
        if (settled) return;
        metrics.count("openclaw_proxy_upstream_errors_total", { provider, reason });
        charge(nothing, false, open.tokens > 0);
      },

      finish(meter) {
        if (!settled) charge(meter?.usage() ?? nothing, meter === undefined || meter.isComplete(), meter !== undefined);
      },
    };
  };
}
