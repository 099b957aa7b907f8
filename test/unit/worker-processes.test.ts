import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { addUpMetrics } from "../../adapters/node/workers/add-up-metrics.ts";
import { forwardLines } from "../../adapters/node/workers/forward-lines.ts";
import type { ForAll } from "../../adapters/node/workers/messages.ts";
import { createSharedActivity } from "../../adapters/node/workers/shared-activity.ts";
import { workerChecks } from "../../adapters/node/workers/worker-check.ts";
import { workerCount } from "../../adapters/node/workers/worker-count.ts";
import { createWorkerMetrics } from "../../adapters/node/workers/worker-metrics.ts";
import { createMetrics, renderMetrics } from "../../src/metrics.ts";

describe("the number of worker processes", () => {
  const gib = 2 ** 30;
  const machine = (cores: number, memoryBytes: number) => () => ({ cores, memoryBytes });

  it("is one unless it is said", () => {
    expect(workerCount({})).toBe(1);
    expect(workerCount({ OPENCLAW_WORKERS: "" })).toBe(1);
    expect(workerCount({ OPENCLAW_WORKERS: " 3 " })).toBe(3);
  });

  it("is that of the cores with auto, where the memory has room for so many", () => {
    const auto = { OPENCLAW_WORKERS: "auto" };
    expect(workerCount(auto, machine(4, 8 * gib))).toBe(4);
    expect(workerCount(auto, machine(4, gib))).toBe(3);
    expect(workerCount(auto, machine(4, gib / 2))).toBe(1);
    expect(workerCount(auto, machine(4, gib / 8))).toBe(1);
    expect(workerCount(auto, machine(500, 1_000 * gib))).toBe(64);
  });

  it.each(["0", "-1", "1.5", "65", "all", "AUTO"])("is never %s", (text) => {
    expect(() => workerCount({ OPENCLAW_WORKERS: text })).toThrow(
      `OPENCLAW_WORKERS is "${text}"; it must be a number from 1 to 64, or auto`,
    );
  });
});

it("doctor warns of more worker processes than there is room for, and has nothing to say of one", () => {
  expect(workerChecks({ workers: 1 }, () => 1)).toEqual([]);
  expect(workerChecks({ workers: 2 }, () => 2)).toMatchObject([{ status: "ok" }]);
  expect(workerChecks({ workers: 3 }, () => 2)).toMatchObject([
    { status: "warning", detail: "OPENCLAW_WORKERS is 3, and there are cores and memory for 2" },
  ]);
});

describe("metrics of several processes", () => {
  function process(requests: number, startedAt: number) {
    const metrics = createMetrics();
    metrics.count("openclaw_proxy_requests_total", { provider: "openai" }, requests);
    metrics.observe("openclaw_audit_append_duration_seconds", requests / 1_000);
    metrics.gauge("openclaw_proxy_streams_open", requests);
    metrics.gauge("openclaw_draining", requests > 1 ? 1 : 0);
    metrics.gauge("process_start_time_seconds", startedAt);
    return metrics;
  }

  it("are one process's: counters and what is open added up, of other gauges the largest, of the start the first", () => {
    const text = renderMetrics(addUpMetrics([process(1, 30).values(), process(2, 20).values()]));
    expect(text).toContain('openclaw_proxy_requests_total{provider="openai"} 3\n');
    expect(text).toContain('openclaw_audit_append_duration_seconds_bucket{le="0.005"} 2\n');
    expect(text).toContain("openclaw_audit_append_duration_seconds_sum 0.003\n");
    expect(text).toContain("openclaw_audit_append_duration_seconds_count 2\n");
    expect(text).toContain("openclaw_proxy_streams_open 3\n");
    expect(text).toContain("openclaw_draining 1\n");
    expect(text).toContain("process_start_time_seconds 20\n");
  });

  it("keep the counters of one that has ended, and none of its gauges", async () => {
    const processes = new Map([
      [1, process(1, 30)],
      [2, process(2, 20)],
    ]);
    const all = createWorkerMetrics((worker, number) => {
      const metrics = processes.get(worker);
      if (metrics) all.told(worker, number, structuredClone(metrics.values()));
    });
    const shown = async () => renderMetrics(await all.of(processes.keys(), createMetrics().values()));
    const both = await shown();
    expect(both).toContain('{provider="openai"} 3\n');
    processes.delete(2);
    all.ended(2);
    processes.set(3, process(4, 40));
    const after = await shown();
    expect(after).toContain('{provider="openai"} 7\n');
    expect(after).toContain("openclaw_proxy_streams_open 5\n");
    expect(after).toContain("openclaw_audit_append_duration_seconds_count 3\n");
    expect(after).toContain("process_start_time_seconds 30\n");
  });

  it("add up to the same seconds in whatever order their processes end", async () => {
    const processes = new Map(
      [0.1, 0.2, 0.3].map((seconds, at) => {
        const metrics = createMetrics();
        metrics.observe("openclaw_audit_append_duration_seconds", seconds);
        metrics.total("process_cpu_seconds_total", seconds);
        return [at + 1, metrics] as const;
      }),
    );
    const all = createWorkerMetrics((worker, number) => all.told(worker, number, processes.get(worker)!.values()));
    const shown = async () => renderMetrics(await all.of(processes.keys(), createMetrics().values()));
    const before = await shown();
    for (const worker of [3, 2]) {
      processes.delete(worker);
      all.ended(worker);
      expect(await shown()).toBe(before);
    }
  });
});

describe("the activity of several worker processes", () => {
  const sample = (requests: number) => ({ at: 0, requests, tokens: 0, denied: 0, agents: [] });
  function pair() {
    let now = 0;
    const sent: ForAll["kind"][] = [];
    const one = createSharedActivity(
      () => now,
      (message) => {
        sent.push(message.kind);
        other.take(message);
      },
    );
    const other = createSharedActivity(
      () => now,
      (message) => one.take(message),
    );
    const passes = (ms: number): void => {
      now += ms;
    };
    return { one, other, sent, passes };
  }

  it("is seen by each", async () => {
    const { one, other } = pair();
    const { cursor } = await one.since(undefined);
    await other.publish(sample(2));
    await one.publish(sample(3));
    const { samples } = await one.since(cursor);
    expect(samples.map(({ requests }) => requests)).toEqual([2, 3]);
  });

  it("comes often while somebody looks, wherever that is", async () => {
    const { one, other, sent, passes } = pair();
    expect(await other.publish(sample(1))).toBe(false);
    await one.since(undefined);
    await one.since(undefined);
    expect(sent).toEqual(["watched"]);
    expect(await other.publish(sample(1))).toBe(true);
    passes(5_000);
    await one.since(undefined);
    expect(sent).toEqual(["watched", "watched"]);
    passes(11_000);
    expect(await other.publish(sample(1))).toBe(false);
  });
});

it("lines are handed on whole, however they come", async () => {
  const from = new PassThrough();
  const written: string[] = [];
  forwardLines(from, (lines) => written.push(lines));
  for (const piece of ['{"a":1}\n{"b"', ":2", '}\n{"c":3}\n', "the last"]) from.write(piece);
  from.end();
  await new Promise((resolve) => from.once("close", resolve));
  expect(written).toEqual(['{"a":1}\n', '{"b":2}\n{"c":3}\n', "the last\n"]);
});
