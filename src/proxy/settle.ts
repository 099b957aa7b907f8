import { freeCallsModel } from "../domain/free-calls.ts";
import { interruptedUsage, mostWritten, type ReservedTokens } from "../domain/interrupted-usage.ts";
import { type QuotaAmounts, quotaCounters } from "../domain/quota-rules.ts";
import { noUsage, type TokenUsage, type ToldUsage } from "../domain/told-usage.ts";
import type { Labels } from "../metrics.ts";
import type { LedgerName, UsageEntry } from "../ports.ts";
import type { AiProviderRecord } from "../schema/ai-provider.ts";
import type { ProviderHealth } from "../service/alerts/provider-health.ts";
import type { Context } from "../service/context.ts";
import { retryUnwritableAfter } from "../service/retry-unwritable.ts";
import type { aiKeyLedger } from "../storage/ledger-names.ts";
import type { RequestPrice } from "./request-price.ts";
import type { Meter } from "./usage/meter.ts";

export interface OpenReservation {
  names: ReturnType<typeof aiKeyLedger>;
  /** Its name in the ledger. */
  reservation: LedgerName;
  /** `YYYY-MM-DD` of the admission. */
  day: string;
  model: string;
  /** It costs no tokens, and counts in no quota. */
  isFree: boolean;
  /** Held until settled. */
  reserved: ReservedTokens;
  /** `undefined` where no price is known, and where it costs no tokens. */
  price: RequestPrice | undefined;
  /** The settlement replaces tokens and money by what the answer cost; the rest is charged as it stands here. */
  amounts: QuotaAmounts;
  /** How many answers the request asks for, which the model writes at once. */
  answers: number;
  /** Tokens a second above all that the model can write, where such a bound is known. */
  pace: number | undefined;
  provider: AiProviderRecord;
  /** Paid for by another master key than the newest, which the provider refused. */
  byFallback: boolean;
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
  const byProvider = new Map<string, Map<string, Map<string, Labels>>>();
  let kept = 0;
  return (provider, outcome = "", agent = "") => {
    const known = byProvider.get(provider)?.get(outcome)?.get(agent);
    if (known !== undefined) return known;
    const labels = { provider, ...(outcome !== "" && { outcome }), ...(agent !== "" && { agent }) };
    if (kept === 10_000) return labels;
    kept++;
    const byOutcome = byProvider.get(provider) ?? new Map<string, Map<string, Labels>>();
    const byAgent = byOutcome.get(outcome) ?? new Map<string, Labels>();
    byProvider.set(provider, byOutcome.set(outcome, byAgent.set(agent, labels)));
    return labels;
  };
}

function byCounter(names: OpenReservation["names"], amounts: QuotaAmounts): Record<LedgerName, number> {
  const actual: Record<LedgerName, number> = {};
  for (const counter of quotaCounters) actual[names[counter]] = amounts[counter];
  return actual;
}

/** The parts that all settlements of a process share. */
interface Book {
  context: Context;
  health: ProviderHealth;
  labels: ReturnType<typeof createLabels>;
  unsettled: number;
}

/** Serves one process, whose open reservations are the gauge `openclaw_proxy_reservations_open`. */
export function createSettlements(context: Context, health: ProviderHealth): (open: OpenReservation) => Settlement {
  const { metrics } = context;
  const book: Book = { context, health, labels: createLabels(), unsettled: 0 };
  metrics.beforeRender(() => metrics.gauge("openclaw_proxy_reservations_open", book.unsettled));
  return (open) => new OpenSettlement(book, open);
}

/** A class: each request under way has one, and closures over as much would be several times the garbage. */
class OpenSettlement implements Settlement {
  readonly #book: Book;
  readonly #open: OpenReservation;
  /** The machine's own time may be set back meanwhile. */
  readonly #begun = performance.now();
  #settled = false;
  #charged = 0;
  #why: string | undefined;

  constructor(book: Book, open: OpenReservation) {
    this.#book = book;
    this.#open = open;
    book.unsettled++;
  }

  charged(): number {
    return this.#charged;
  }

  release(reason: string): void {
    if (this.#settled) return;
    this.#fails(reason);
    this.#settle("upstream_error", {});
  }

  refused(reason: string): void {
    if (this.#settled) return;
    this.#fails(reason);
    this.#charge("upstream_error", noUsage, noUsage, false);
  }

  abandon(reason: string): void {
    if (this.#settled) return;
    this.#fails(reason);
    this.#chargeReserved(noUsage);
  }

  finish(meter: Meter | undefined, unread = false): void {
    if (this.#settled) return;
    if (meter === undefined) this.#charge("answered", noUsage, noUsage, false);
    else if (meter.isComplete()) {
      const told = meter.usage();
      this.#charge("answered", told, told, true);
    } else this.#chargeCut(meter, unread);
  }

  #fails(reason: string): void {
    this.#why = reason;
    const { metrics } = this.#book.context;
    metrics.count("openclaw_proxy_upstream_errors_total", { provider: this.#open.provider.provider, reason });
  }

  #settle(outcome: string, actual: Record<LedgerName, number>, usage?: UsageEntry): void {
    const { context, labels, health } = this.#book;
    const { metrics, settings, clock, meter } = context;
    const open = this.#open;
    const { provider } = open.provider;
    this.#settled = true;
    open.ended();
    this.#book.unsettled--;
    const agent = settings.provisioning.metrics.agentLabels ? open.agentId : "";
    metrics.count("openclaw_proxy_requests_total", labels(provider, outcome, agent));
    metrics.observe("openclaw_proxy_request_duration_seconds", (clock.now() - open.since) / 1000, labels(provider));
    meter.spent(open.agentId, this.#charged);
    if (this.#why === undefined) {
      if (!open.byFallback) health.works(open.provider);
    } else if (failures.test(this.#why)) health.fails(open.provider, this.#why);
    this.#logEnd(outcome);
    context.background(settleSoon(context, open, actual, usage));
  }

  #logEnd(outcome: string): void {
    const why = this.#why;
    const { settings, clock, log } = this.#book.context;
    const level = why !== undefined && ofProvider.test(why) ? "info" : "debug";
    if (level === "debug" && settings.logLevel !== "debug") return;
    const { requestId, agentId, provider, model, since } = this.#open;
    const spent = { tokens: this.#charged, ms: clock.now() - since };
    log(level, "metered request", {
      requestId,
      agentId,
      provider: provider.provider,
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
  #charge(outcome: string, usage: TokenUsage, told: ToldUsage, metered: boolean, cut = 0): void {
    const open = this.#open;
    const { names } = open;
    const { total: tokens, input: inputTokens } = usage;
    this.#charged = tokens;
    const estimated = tokens - told.total;
    const toldMicroUsd = open.price && metered ? open.price.told(told) : 0;
    const microUsd = Math.max(toldMicroUsd, Math.min(cut, open.amounts.usd));
    if (metered) {
      const { context, labels } = this.#book;
      const kind = estimated === 0 ? "metered" : "estimated";
      context.metrics.count("openclaw_proxy_tokens_total", labels(open.provider.provider, kind), tokens);
    }
    const entry: UsageEntry = {
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
    };
    if (estimated > 0 || microUsd > toldMicroUsd) {
      entry.estimate = {
        tokens: { counter: names.tokens, amount: estimated },
        microUsd: { counter: names.usd, amount: microUsd - toldMicroUsd },
      };
    }
    const amounts = { ...open.amounts, tokens, usd: microUsd };
    this.#settle(outcome, open.isFree ? { [names.free]: 1 } : byCounter(names, amounts), entry);
  }

  #chargeReserved(told: ToldUsage): void {
    const { reserved, amounts } = this.#open;
    const { input, output } = reserved;
    const total = Math.max(told.total, input + output);
    const usage = { input: Math.min(Math.max(told.input, input), total), output, total };
    this.#charge("cut", usage, told, total > 0, amounts.usd);
  }

  /** The real cost is known only at the end. Without it, the most that it may have been stands. */
  #chargeCut(meter: Meter, unread: boolean): void {
    const { reserved, answers, pace, price } = this.#open;
    const progress = meter.progress();
    if (progress === undefined) this.#chargeReserved(meter.usage());
    else {
      const reached = unread ? { ...progress, outputBytes: undefined } : progress;
      const most = pace === undefined ? undefined : mostWritten(pace, performance.now() - this.#begun);
      const usage = interruptedUsage(reserved, reached, most, answers);
      this.#charge("cut", usage, progress.told, true, price?.cut(usage, progress.told, progress.inputIsTold));
    }
  }
}

/** A failure here must never hide the provider's answer; what is not settled stays charged as reserved. */
function settleSoon(
  context: Context,
  open: OpenReservation,
  actual: Record<LedgerName, number>,
  usage: UsageEntry | undefined,
): Promise<void> {
  const failed = (failure: unknown) => settleLater(context, open, actual, usage, failure);
  try {
    return context.ledger.settle(open.reservation, actual, usage).catch(failed);
  } catch (failure) {
    return failed(failure);
  }
}

async function settleLater(
  { ledger, metrics, log, ending }: Context,
  { reservation, provider: { provider }, agentId }: OpenReservation,
  actual: Record<LedgerName, number>,
  usage: UsageEntry | undefined,
  failure: unknown,
): Promise<void> {
  try {
    await retryUnwritableAfter(failure, () => ledger.settle(reservation, actual, usage), ending);
  } catch (error) {
    metrics.count("openclaw_proxy_settle_failures_total", { provider });
    log("error", "a metered request could not be settled and stays charged as reserved", {
      provider,
      agentId,
      error: error instanceof Error ? error.message : String(error),
    });
  }
}
