import { expect, it, vi } from "vitest";
import { type Call, problem, runCli } from "./run-cli.ts";

const webhook = {
  id: "wh1",
  url: "https://hooks.example.org/alerts",
  events: ["quota.*"],
  format: "standard",
  source: "api",
  status: "active",
  createdAt: "2026-11-22T18:00:00.000Z",
};
const path = "/provisioning/webhooks";

it("creates one, and shows its secret once", async () => {
  const secret = "whsec_not-a-real-secret";
  const args = ["provisioning", "webhooks", "create", webhook.url, "--events", "quota.*,agent.created"];
  const { exitCode, stdout, calls } = await runCli(args, { [`POST ${path}`]: { ...webhook, secret } });
  expect(exitCode).toBe(0);
  expect(stdout).toContain(secret);
  expect(stdout).toContain("it is not shown again");
  expect(calls[0]?.body).toEqual({ url: webhook.url, events: ["quota.*", "agent.created"] });
});

it("reads a secret of one's own from stdin", async () => {
  const args = ["provisioning", "webhooks", "create", webhook.url, "--format", "openclaw", "--secret", "-"];
  const { stdout, calls } = await runCli(args, { [`POST ${path}`]: webhook }, { stdin: "hook-token\n" });
  expect(calls[0]?.body).toEqual({ url: webhook.url, format: "openclaw", secret: "hook-token" });
  expect(stdout).not.toContain("hook-token");
});

it("tells that a test was not taken, and ends with 1", async () => {
  const tested = { messageId: "msg_1", delivered: false, status: 503, ms: 12 };
  const args = ["provisioning", "webhooks", "test", "wh1"];
  const failed = await runCli(args, { [`POST ${path}/wh1/test`]: tested });
  expect([failed.exitCode, failed.stderr]).toEqual([1, "error: the receiver did not take it: HTTP 503 after 12 ms\n"]);
  const fine = await runCli(args, { [`POST ${path}/wh1/test`]: { ...tested, delivered: true, status: 204 } });
  expect([fine.exitCode, fine.stdout]).toEqual([0, "Delivered msg_1: HTTP 204 after 12 ms.\n"]);
});

it("lists, switches off and on, rotates, shows deliveries, sends again and deletes", async () => {
  const delivery = {
    messageId: "msg_1",
    type: "quota.exhausted",
    createdAt: webhook.createdAt,
    state: "failed",
    attempts: 10,
    error: "timeout",
    ms: 15_000,
  };
  const answers = {
    [`GET ${path}`]: { webhooks: [{ ...webhook, status: "disabled", disabledReason: "gone" }] },
    [`PATCH ${path}/wh1`]: (call: Call) => ({
      ...webhook,
      status: (call.body as { disabled: boolean }).disabled ? "disabled" : "active",
    }),
    [`POST ${path}/wh1/rotate-secret`]: { ...webhook, secret: "whsec_new" },
    [`GET ${path}/wh1/deliveries`]: { deliveries: [delivery] },
    [`POST ${path}/wh1/deliveries/msg_1/resend`]: { messageId: "msg_1", state: "pending" },
    [`DELETE ${path}/wh1`]: { id: "wh1", deleted: true },
  };
  const run = async (...args: string[]) => (await runCli(["provisioning", "webhooks", ...args], answers)).stdout;
  expect(await run("list")).toContain("disabled (gone)");
  expect(await run("disable", "wh1")).toContain("is disabled");
  expect(await run("enable", "wh1")).toContain("is active");
  expect(await run("rotate-secret", "wh1", "--grace", "0")).toContain("whsec_new");
  expect(await run("deliveries", "wh1")).toMatch(/msg_1 .*quota\.exhausted .*failed .*10 .*timeout .*15000/);
  expect(await run("resend", "wh1", "msg_1")).toContain("is sent again");
  expect(await run("delete", "wh1")).toBe("Webhook wh1 is deleted.\n");
});

it("tells why an address is refused", async () => {
  const detail = 'The address is private; add "10.0.0.1:443" to gateway.provisioning.webhooks.allow.';
  const { exitCode, stderr } = await runCli(["provisioning", "webhooks", "create", "https://10.0.0.1/"], {
    [`POST ${path}`]: problem(422, "webhook_not_allowed", detail),
  });
  expect(exitCode).toBe(1);
  expect(stderr).toContain('add "10.0.0.1:443" to gateway.provisioning.webhooks.allow');
});

const audit = { seq: 7, time: "2026-11-22T18:00:00.000Z", action: "agent.create", actor: "cli", phase: "outcome" };
const sse = [
  "retry: 2000\n\n",
  `id: 7\nevent: audit\ndata: ${JSON.stringify({ ...audit, outcome: "success", target: "a" })}\n\n`,
  'id: 7-1\nevent: alert\ndata: {"id":"msg_1","type":"agent.created","timestamp":"2026-11-22T18:00:00.000Z","data":{"agentId":"a"}}\n\n',
  ": ping\n\n",
  'event: activity\ndata: {"at":"2026-11-22T18:00:01.000Z","requests":3,"tokens":1200,"denied":0,"agents":[{"agentId":"a","requests":3,"tokens":1200,"denied":0}]}\n\n',
  'id: 8\nevent: audit\ndata: {"seq":8}\n\n',
];
const streamOf = (text: string) => new Response(text, { headers: { "content-type": "text/event-stream" } });
/** The event behind which each stream was asked for. */
const seenBy = (calls: readonly Call[]) =>
  calls.filter(({ path }) => path.startsWith("/events")).map(({ headers }) => headers.get("last-event-id"));
const stream = () => streamOf(sse.join(""));

it("shows what happened last, until the first look is over", async () => {
  const answers = { "GET /events": stream, "GET /provisioning/audit": { events: [{ ...audit, seq: 27 }] } };
  const { exitCode, stdout, calls } = await runCli(["provisioning", "events"], answers);
  expect(exitCode).toBe(0);
  expect(stdout.split("\n")).toEqual([
    "#7  2026-11-22T18:00:00Z  agent.create  a  by cli  success",
    '2026-11-22T18:00:00Z  alert agent.created  {"agentId":"a"}',
    "2026-11-22T18:00:01Z  activity  3 requests, 1,200 tokens, 0 denied  a 1,200",
    "",
  ]);
  expect(calls.at(-1)?.headers.get("last-event-id")).toBe("7");
});

it("follows on behind the last event, and prints one JSON a line", async () => {
  let streams = 0;
  const refused = problem(403, "scope_missing", "no more");
  const answers = { "GET /events": () => (streams++ === 0 ? stream() : refused) };
  const args = ["provisioning", "events", "--follow", "--types", "audit", "--json"];
  const { exitCode, stdout, calls } = await runCli(args, answers);
  expect(exitCode).toBe(1);
  expect(
    stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).data.seq),
  ).toEqual([7, 8]);
  expect(seenBy(calls)).toEqual([null, "8"]);
  expect(calls[1]?.path).toBe("/events?types=audit");
});

/** As of a connection that is cut behind what was sent. */
function cut(): Response {
  const chunks = sse.slice(0, 2);
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = chunks.shift();
      if (next === undefined) controller.error(new TypeError("terminated"));
      else controller.enqueue(new TextEncoder().encode(next));
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

it("follows on where a connection is cut, and while the service restarts", async () => {
  let streams = 0;
  const steps = [
    cut,
    () => Promise.reject(new TypeError("fetch failed", { cause: { code: "ECONNREFUSED" } })),
    () => problem(503, "not_ready", "Not ready"),
    stream,
    () => problem(401, "unauthorized", "no more"),
  ];
  const answers = { "GET /events": () => steps[streams++]!() };
  const args = ["provisioning", "events", "--follow", "--types", "audit", "--json"];
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const running = runCli(args, answers).finally(() => vi.useRealTimers());
  await vi.advanceTimersByTimeAsync(3_600_000);
  const { exitCode, stdout, stderr, calls } = await running;
  expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/ECONNREFUSED.*Not ready.*no more/s)]);
  expect(stdout.trim().split("\n")).toHaveLength(3);
  expect(seenBy(calls)).toEqual([null, "7", "7", "7", "8"]);
});

it("follows on where the service does not answer in time, and says in its help what --json prints", async () => {
  const silent = ({ signal }: Request) =>
    new Promise<Response>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const refused = async () => problem(403, "scope_missing", "no more");
  const steps = [async () => stream(), silent, refused];
  const fetch = async (request: Request) =>
    request.url.includes("/events") ? await steps.shift()!(request) : Response.json({ events: [] });
  const openLocal = async () => ({
    fetch,
    basePath: "/api/v1",
    exclusively: <Result>(work: () => Result) => work(),
    close: async () => {},
  });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const running = runCli(["provisioning", "events", "--follow"], {}, { openLocal }).finally(() => vi.useRealTimers());
  await vi.advanceTimersByTimeAsync(3_600_000);
  const { exitCode, stderr } = await running;
  expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/did not answer within .*trying again\n.*no more/s)]);
  expect((await runCli(["provisioning", "events", "--help"])).stdout).toContain("print each event as JSON, on a line");
});

it("ends where the first stream cannot be had", async () => {
  const answers = { "GET /events": problem(503, "not_ready", "Not ready") };
  const { exitCode, stderr } = await runCli(["provisioning", "events", "--follow"], answers);
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining("Not ready")]);
});

it("prints no character as JSON that acts on a terminal", async () => {
  const text = `id: 7\nevent: audit\ndata: ${JSON.stringify({ ...audit, target: "\u009b2J\u2028\u202e" })}\n\n`;
  const answers = { "GET /events": () => streamOf(text + sse[4]), "GET /provisioning/audit": { events: [] } };
  const { stdout } = await runCli(["provisioning", "events", "--types", "audit", "--json"], answers);
  expect(stdout).toContain(String.raw`"target":"\u009b2J\u2028\u202e"`);
});

it("follows on behind the newest event where a stream ended without one", async () => {
  const answers = {
    "GET /provisioning/audit": { events: [{ ...audit, seq: 27 }] },
    "GET /events": () => (calls.push("") === 1 ? streamOf(": ping\n\n") : problem(403, "scope_missing", "no more")),
  };
  const calls: string[] = [];
  const ran = await runCli(["provisioning", "events", "--follow", "--types", "audit"], answers);
  expect(seenBy(ran.calls)).toEqual(["27", "27"]);
});

it("ends at once where a page of something else answers in place of the events", async () => {
  const page = () => new Response("<html>", { headers: { "content-type": "text/html" } });
  const { exitCode, stderr } = await runCli(["provisioning", "events", "--follow"], { "GET /events": page });
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining("without the JSON of this API")]);
});

it.each([
  [["update", "hook"], "nothing to change: give --address or --events"],
  [["create", "https://receiver.example/x", "--format", "smoke"], "Allowed choices are standard, slack, "],
])("refuses %j as wrong usage, without a call", async (args, message) => {
  const { exitCode, stderr, calls } = await runCli(["provisioning", "webhooks", ...args], {});
  expect([exitCode, stderr, calls]).toEqual([2, expect.stringContaining(message), []]);
});

it("says which types there are", async () => {
  const { exitCode, stderr } = await runCli(["provisioning", "events", "--types", "audit,news"], {});
  expect(exitCode).toBe(2);
  expect(stderr).toContain('"news" is none; those are audit, activity, alert');
});
