import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tellOfProcess } from "../../../adapters/node/process-metrics.ts";
import { metricNames } from "../../../src/metrics.ts";
import { type ProxyStand, proxyStand } from "../../proxy-stand.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

const promtool = (args: string[], input = "") => spawnSync("promtool", args, { input, encoding: "utf8" });
const hasPromtool = promtool(["--version"]).status === 0;
if (!hasPromtool) console.warn("skipped: there is no promtool on the PATH (Debian: apt-get install prometheus)");

const alerts = readFileSync("deploy/alerts.yml", "utf8");
const dashboard = JSON.parse(readFileSync("deploy/grafana.json", "utf8")) as {
  panels: { title: string; targets: { expr: string }[] }[];
};
const expressions = [
  ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ...[...alerts.matchAll(/expr: (?:\|\n((?: {10}.*\n)+)|(.*))/g)].map(([, block, line]) => block ?? line!),
];

let upstream: SampleUpstream;
let stand: ProxyStand;
beforeAll(async () => {
  upstream = await startSampleUpstream();
  stand = await proxyStand({ kind: "openai", upstream: upstream.origin, quotas: { maxTokensPerDay: 10_000 } });
});
afterAll(async () => {
  await stand.close();
  await upstream.close();
});

async function exposition(): Promise<string> {
  const { context } = stand;
  const end = "2027-01-01T00:00:00.000Z";
  const record = [...stand.stored["ai-keys"].values()][0]!;
  stand.stored["ai-keys"].set(record.keyId, { ...record, state: { ...record.state, expiresAt: end } });
  const soon = { id: "provkey", expiresAt: end, state: { version: 1, digest: "" } };
  Object.assign(context.records, { list: async () => ({ items: [soon] }) });
  tellOfProcess(context.metrics);
  const response = await fetch(`${stand.baseUrl}/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${stand.key}` },
    body: JSON.stringify({ model: "gpt-5", max_tokens: 9, messages: [{ role: "user", content: "hi" }] }),
  });
  expect(response.status).toBe(200);
  await response.text();
  await stand.idle();
  await context.metrics.gather((cause) => {
    throw cause;
  });
  return context.metrics.render();
}

describe("what Prometheus is told", () => {
  it("has the process, the fullest quotas and the ends of keys", async () => {
    const text = await exposition();
    expect(text).toMatch(/^process_cpu_seconds_total [\d.]+$/m);
    expect(text).toMatch(/^process_resident_memory_bytes \d{7,}$/m);
    expect(text).toMatch(/^process_open_fds \d+$/m);
    expect(Number(/^process_start_time_seconds (\S+)$/m.exec(text)?.[1])).toBeCloseTo(performance.timeOrigin / 1000, 0);
    expect(text).toMatch(/^nodejs_eventloop_utilization (0|0\.\d+|1|[\d.]+e-\d+)$/m);
    expect(text).toMatch(/^openclaw_proxy_streams_open 0$/m);
    expect(text).toMatch(
      /^openclaw_quota_used_ratio\{agent="agent-a",provider="openai",quota="maxTokensPerDay"\} 0\.\d+$/m,
    );
    const end = Date.parse("2027-01-01T00:00:00Z") / 1000;
    expect(text).toContain(`openclaw_ai_key_expiry_timestamp_seconds{agent="agent-a",provider="openai"} ${end}\n`);
    expect(text).toContain(`openclaw_provisioning_key_expiry_timestamp_seconds{key="provkey"} ${end}\n`);
  });

  it.skipIf(!hasPromtool)("is what promtool takes without a word", async () => {
    const { status, stdout, stderr } = promtool(["check", "metrics"], await exposition());
    expect([status, stdout + stderr]).toEqual([0, ""]);
  });
});

describe("the rules and the dashboard", () => {
  it("ask for metrics that there are", () => {
    expect(expressions.length).toBeGreaterThan(30);
    const known = new Set(metricNames.flatMap((name) => [name, `${name}_bucket`]));
    for (const expr of expressions) {
      const asked = expr.match(/\b(openclaw|process|nodejs)_\w+/g) ?? ["up"];
      expect(asked.filter((name) => name !== "up" && !known.has(name as never))).toEqual([]);
    }
  });

  it.skipIf(!hasPromtool)("are rules that promtool takes, and that fire when they have to", () => {
    expect(promtool(["check", "rules", "deploy/alerts.yml"])).toMatchObject({ status: 0 });
    const { status, stdout, stderr } = promtool(["test", "rules", "deploy/alerts.test.yml"]);
    expect(status, stdout + stderr).toBe(0);
  });

  it.skipIf(!hasPromtool)("are expressions that promtool takes", () => {
    const rules = expressions.map((expr, at) => ({
      record: `dashboard:expression:${at}`,
      expr: expr.replaceAll("$__rate_interval", "5m").replaceAll("$job", ".+"),
    }));
    const file = JSON.stringify({ groups: [{ name: "dashboard", rules }] });
    const directory = mkdtempSync(join(tmpdir(), "rules-"));
    writeFileSync(join(directory, "rules.yml"), file);
    const { status, stdout, stderr } = promtool(["check", "rules", join(directory, "rules.yml")]);
    rmSync(directory, { recursive: true });
    expect(status, stdout + stderr).toBe(0);
  });
});
