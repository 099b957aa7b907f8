import {
  emptyHistogram,
  families,
  type Histogram,
  type MetricName,
  type MetricValues,
  noValues,
} from "../../../src/metrics.ts";

/** The values of several processes as those of one. */
export function addUpMetrics(all: readonly MetricValues[]): MetricValues {
  const total = noValues();
  for (const { numbers, histograms } of all) {
    for (const [name, family] of numbers) {
      const into = entryOf(total.numbers, name, () => new Map<string, number>());
      for (const [labels, value] of family) {
        const before = into.get(labels);
        into.set(labels, before === undefined ? value : joined(name, before, value));
      }
    }
    for (const [name, family] of histograms) {
      const into = entryOf(total.histograms, name, () => new Map<string, Histogram>());
      for (const [labels, { buckets, sum, count }] of family) {
        const histogram = entryOf(into, labels, emptyHistogram);
        for (const [at, value] of buckets.entries()) histogram.buckets[at] = histogram.buckets[at]! + value;
        histogram.sum = exactSum(histogram.sum, sum);
        histogram.count += count;
      }
    }
  }
  return total;
}

/** The share in the sums of a process that has ended: its gauges are of nothing any more. */
export function countedMetrics({ numbers, histograms }: MetricValues): MetricValues {
  const counters = [...numbers].filter(([name]) => families[name][0] === "counter");
  return { numbers: new Map(counters), histograms };
}

function joined(name: MetricName, one: number, other: number): number {
  const [type, , ofSeveral] = families[name] as readonly [string, string, ("sum" | "least")?];
  if (type === "counter" || ofSeveral === "sum") return exactSum(one, other);
  return ofSeveral === "least" ? Math.min(one, other) : Math.max(one, other);
}

/** Fractions are of seconds, and their last digits would depend on the order: a counter that loses one has begun anew. */
function exactSum(one: number, other: number): number {
  const sum = one + other;
  return Number.isInteger(one) && Number.isInteger(other)
    ? sum
    : (Math.round(one * 1e6) + Math.round(other * 1e6)) / 1e6;
}

function entryOf<K, V>(map: Map<K, V>, key: K, fresh: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = fresh();
    map.set(key, value);
  }
  return value;
}
