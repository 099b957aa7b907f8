import { expect, it } from "vitest";
import { createMetrics } from "../../src/metrics.ts";

it("renders counters, gauges and histograms in Prometheus' text format", () => {
  const metrics = createMetrics();
  metrics.count("openclaw_proxy_requests_total", { provider: "anthropic", outcome: "answered" });
  metrics.count("openclaw_proxy_requests_total", { provider: "anthropic", outcome: "answered" }, 2);
  metrics.gauge("openclaw_proxy_reservations_open", 4);
  metrics.gauge("openclaw_proxy_reservations_open", 3);
  metrics.observe("openclaw_proxy_request_duration_seconds", 0.02, { provider: "x" });
  metrics.observe("openclaw_proxy_request_duration_seconds", 400, { provider: "x" });
  const text = metrics.render();
  expect(text).toContain("# TYPE openclaw_proxy_requests_total counter\n");
  expect(text).toContain('openclaw_proxy_requests_total{provider="anthropic",outcome="answered"} 3\n');
  expect(text).toContain("openclaw_proxy_reservations_open 3\n");
  expect(text).toContain('_bucket{provider="x",le="0.01"} 0\n');
  expect(text).toContain('_bucket{provider="x",le="0.025"} 1\n');
  expect(text).toContain('_bucket{provider="x",le="300"} 1\n');
  expect(text).toContain('_bucket{provider="x",le="+Inf"} 2\n');
  expect(text).toContain('_sum{provider="x"} 400.02\n');
  expect(text.endsWith("\n")).toBe(true);
  for (const line of text.trimEnd().split("\n"))
    expect(line).toMatch(/^(# (HELP|TYPE) |[a-z_]+(\{[^{}]*\})? [\d.e+]+$)/);
});

it("escapes what would break a line", () => {
  const metrics = createMetrics();
  metrics.count("openclaw_auth_failures_total", { kind: 'a"b\\c\nd' });
  expect(metrics.render()).toContain('{kind="a\\"b\\\\c\\nd"} 1\n');
});

it("does not grow without end", () => {
  const metrics = createMetrics();
  for (let at = 0; at < 20_000; at++) metrics.count("openclaw_auth_failures_total", { kind: String(at) });
  const lines = metrics.render().split("\n");
  expect(lines.length).toBeLessThan(6_000);
  expect(lines).toContain('openclaw_auth_failures_total{overflow="true"} 15000');
});
