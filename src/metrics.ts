/** Prometheus text (exposition format 0.0.4) without a client library: counters, gauges, histograms. */

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/**
 * Every metric there is. No label ever carries a key or a secret. A gauge of several processes is the largest of
 * theirs, or their `sum`, or the `least`.
 */
export const families = {
  openclaw_http_requests_total: ["counter", "Calls of the provisioning API, by route, method and status."],
  openclaw_http_request_duration_seconds: ["histogram", "Time to the answer of a provisioning call, by route."],
  openclaw_proxy_requests_total: ["counter", "Metered requests, by provider and outcome."],
  openclaw_proxy_request_duration_seconds: ["histogram", "Time to the end of a metered answer, by provider."],
  openclaw_proxy_tokens_total: ["counter", "Tokens charged, by provider and outcome (metered or estimated)."],
  openclaw_proxy_unpriced_requests_total: [
    "counter",
    "Requests refused because the price of their model is not known, by provider.",
  ],
  openclaw_proxy_quota_denials_total: ["counter", "Requests refused by a quota, by provider, quota and reason."],
  openclaw_proxy_reservations_open: ["gauge", "Requests admitted and not yet settled.", "sum"],
  openclaw_proxy_upstream_errors_total: ["counter", "Upstream failures, by provider and reason."],
  openclaw_proxy_master_key_refusals_total: ["counter", "Answers in which a provider refuses the operator's key."],
  openclaw_proxy_settle_failures_total: ["counter", "Settlements that the ledger did not take (they stay charged)."],
  openclaw_open_doors: ["gauge", "Settings and agents' entries that lead around an agent's own key, by setting."],
  openclaw_gateway_up: ["gauge", "1 for a gateway that answers."],
  openclaw_gateway_agents: ["gauge", "Agents on a gateway, whoever made them."],
  openclaw_gateway_max_agents: ["gauge", "How many agents a gateway may have, where that is set."],
  openclaw_gateway_cordoned: ["gauge", "1 for a gateway that takes no new agents."],
  openclaw_gateway_reload_seconds: ["gauge", "How long OpenClaw took to take up the last change there."],
  openclaw_auth_failures_total: ["counter", "Failed authentications, by kind of credential."],
  openclaw_audit_events_total: ["counter", "Audit events written."],
  openclaw_audit_append_duration_seconds: ["histogram", "Time until an audit event is durable: the trail's lag."],
  openclaw_store_writes_total: ["counter", "Writes of records, by collection and outcome."],
  openclaw_build_info: ["gauge", "Always 1; the release stands in its label."],
  openclaw_draining: ["gauge", "1 from SIGTERM on, while what is under way goes on."],
  openclaw_proxy_streams_open: ["gauge", "Metered requests whose answers are under way.", "sum"],
  openclaw_quota_used_ratio: [
    "gauge",
    "Share of a quota that is used or reserved: the fullest of the keys used lately.",
  ],
  openclaw_ai_key_expiry_timestamp_seconds: ["gauge", "When agents' keys end: the soonest of those used lately."],
  openclaw_provisioning_key_expiry_timestamp_seconds: ["gauge", "When provisioning keys end: the soonest."],
  process_cpu_seconds_total: ["counter", "User and system time of the process."],
  process_resident_memory_bytes: ["gauge", "Memory of the process that is resident.", "sum"],
  process_open_fds: ["gauge", "Open file descriptors.", "sum"],
  process_start_time_seconds: ["gauge", "When the process started, since 1970.", "least"],
  nodejs_eventloop_utilization: ["gauge", "Share of the time since the last look in which the event loop was busy."],
  openclaw_store_write_duration_seconds: ["histogram", "Time until a record is durable, by collection."],
  openclaw_workers: ["gauge", "Worker processes that serve; absent where one process does everything."],
  openclaw_worker_deaths_total: ["counter", "Worker processes that died and were replaced."],
} as const satisfies Record<
  string,
  readonly ["counter" | "gauge" | "histogram", help: string, ofSeveral?: "sum" | "least"]
>;

export type MetricName = keyof typeof families;
export const metricNames = Object.keys(families) as MetricName[];
type OfType<T> = { [N in MetricName]: (typeof families)[N][0] extends T ? N : never }[MetricName];
export type Labels = Record<string, string>;

/** Counts in each bucket's own range (not cumulative); `sum` in seconds. */
export interface Histogram {
  buckets: number[];
  sum: number;
  count: number;
}

/** A histogram in which nothing was observed. */
export const emptyHistogram = (): Histogram => ({ buckets: seconds.map(() => 0), sum: 0, count: 0 });

/** The values of one process, by metric and by the text of their labels. A structured clone of them is as good. */
export interface MetricValues {
  numbers: Map<MetricName, Map<string, number>>;
  histograms: Map<MetricName, Map<string, Histogram>>;
}

/** Prometheus metrics of this process. A name that is not in the table does not compile. */
export interface Metrics {
  count(name: OfType<"counter">, labels?: Labels, by?: number): void;
  /** Seconds. */
  observe(name: OfType<"histogram">, value: number, labels?: Labels): void;
  gauge(name: OfType<"gauge">, value: number, labels?: Labels): void;
  /** A counter that is counted elsewhere. */
  total(name: OfType<"counter">, value: number, labels?: Labels): void;
  /** Drops what was set, where labels come and go. */
  reset(name: OfType<"gauge">): void;
  /** Has `gather` set what is cheaper to look at than to count, before each look at the metrics. */
  beforeRender(gather: () => void | Promise<void>): void;
  /** Runs what `beforeRender` was given. A failure leaves the others, and is `failed`'s to tell. */
  gather(failed: (cause: unknown) => void): Promise<void>;
  /** Not a copy: they go on changing. */
  values(): MetricValues;
  render(): string;
}

const special = /[\\"\n]/g;
const escaped = (text: string): string => text.replace(special, (c) => (c === "\n" ? "\\n" : `\\${c}`));
/** A caller that counts often keeps its labels, and their text is made once. */
const labelTexts = new WeakMap<Labels, string>();

function labelText(labels: Labels | undefined): string {
  if (!labels) return "";
  let text = labelTexts.get(labels);
  if (text === undefined) {
    text = Object.entries(labels)
      .map(([name, value]) => `${name}="${escaped(value)}"`)
      .join(",");
    labelTexts.set(labels, text);
  }
  return text;
}

const sample = (name: string, labels: string, value: number): string =>
  `${name}${labels === "" ? "" : `{${labels}}`} ${value}\n`;

/** The bound of the memory that an unbounded caller could fill: further label sets of a family are counted as one. */
const maxSeries = 5_000;
const overflow = 'overflow="true"';

/** Metrics that start at nothing: they are this process's, and go with it. */
export function createMetrics(): Metrics {
  const { numbers, histograms } = noValues();

  function series<V>(of: Map<MetricName, Map<string, V>>, name: MetricName, labels: Labels | undefined) {
    let family = of.get(name);
    if (!family) {
      family = new Map();
      of.set(name, family);
    }
    let key = labelText(labels);
    if (family.size >= maxSeries && !family.has(key)) key = overflow;
    return { family, key };
  }

  const gatherers: (() => void | Promise<void>)[] = [];
  const set = (name: MetricName, value: number, labels?: Labels): void => {
    const { family, key } = series(numbers, name, labels);
    family.set(key, value);
  };

  return {
    beforeRender: (gather) => void gatherers.push(gather),
    async gather(failed) {
      for (const gather of gatherers) {
        try {
          await gather();
        } catch (cause) {
          failed(cause);
        }
      }
    },
    total: set,
    reset: (name) => void numbers.delete(name),
    count(name, labels, by = 1) {
      const { family, key } = series(numbers, name, labels);
      family.set(key, (family.get(key) ?? 0) + by);
    },
    gauge: set,
    observe(name, value, labels) {
      const { family, key } = series(histograms, name, labels);
      let histogram = family.get(key);
      if (!histogram) {
        histogram = emptyHistogram();
        family.set(key, histogram);
      }
      const at = seconds.findIndex((bound) => value <= bound);
      if (at !== -1) histogram.buckets[at] = histogram.buckets[at]! + 1;
      histogram.sum += value;
      histogram.count += 1;
    },
    values: () => ({ numbers, histograms }),
    render: () => renderMetrics({ numbers, histograms }),
  };
}

/** The values of a process that has counted nothing. */
export const noValues = (): MetricValues => ({ numbers: new Map(), histograms: new Map() });

function renderHistogram(name: MetricName, labels: string, { buckets, sum, count }: Histogram): string {
  const prefix = labels === "" ? "" : `${labels},`;
  let below = 0;
  const lines = seconds.map((bound, at) => {
    below += buckets[at]!;
    return sample(`${name}_bucket`, `${prefix}le="${bound}"`, below);
  });
  lines.push(sample(`${name}_bucket`, `${prefix}le="+Inf"`, count));
  lines.push(sample(`${name}_sum`, labels, sum), sample(`${name}_count`, labels, count));
  return lines.join("");
}

/** Content type `text/plain; version=0.0.4`. */
export function renderMetrics({ numbers, histograms }: MetricValues): string {
  let text = "";
  for (const name of metricNames) {
    const values = numbers.get(name);
    const distributions = histograms.get(name);
    if (!values && !distributions) continue;
    text += `# HELP ${name} ${families[name][1]}\n# TYPE ${name} ${families[name][0]}\n`;
    for (const [labels, value] of values ?? []) text += sample(name, labels, value);
    for (const [labels, histogram] of distributions ?? []) text += renderHistogram(name, labels, histogram);
  }
  return text;
}
