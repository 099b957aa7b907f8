import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import { openSqliteLedger } from "../../../adapters/node/sqlite/sqlite-ledger.ts";
import { withIdempotency } from "../../../src/http/idempotency.ts";
import type { Caller } from "../../../src/service/caller.ts";
import type { Context } from "../../../src/service/context.ts";
import { bareContext } from "../../bare-context.ts";

const caller: Caller = { actor: "a-key", scopes: [], reach: "all", operator: false, requestId: "r" };
const headers = new Headers({ "idempotency-key": "once" });

let stateDir: string;
let node: NodePorts;
let context: Context;
let ahead: number;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openclaw-idempotency-"));
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
  const settings = readNodeSettings(env);
  node = await openNode(settings, { env, log: () => undefined });
  ahead = 0;
  const clock = { now: () => Date.now() + ahead };
  const ledger = await openSqliteLedger({ path: join(stateDir, "other.sqlite"), clock });
  context = bareContext({ ...node.ports, clock, ledger, settings: settings.settings });
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(async () => {
  vi.useRealTimers();
  await context.ledger.close();
  await node.close();
  await rm(stateDir, { recursive: true, force: true });
});

async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10_000) {
    ahead += 10_000;
    await vi.advanceTimersByTimeAsync(10_000);
  }
}

/** A request that takes as long as the test lets it. */
function slowRequest() {
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<string>();
  const answer = withIdempotency(context, caller, headers, {}, async () => {
    begun.resolve();
    const body = await end.promise;
    return { reply: { status: 201, body }, replayed: body };
  });
  return { begun: begun.promise, end, answer };
}
const repeat = () =>
  withIdempotency(context, caller, headers, {}, async () => ({ reply: { status: 201, body: "2nd" }, replayed: "2nd" }));

it("a request that takes minutes is not done again by its repetition", async () => {
  const first = slowRequest();
  await first.begun;
  await pass(120_000);
  await expect(repeat()).rejects.toMatchObject({ code: "idempotency_in_flight" });
  first.end.resolve("1st");
  expect(await first.answer).toEqual({ status: 201, body: "1st" });
  expect(await repeat()).toEqual({ status: 200, body: "1st" });
});

it("a request that failed leaves nothing that keeps its repetition waiting", async () => {
  const first = slowRequest();
  await first.begun;
  await pass(60_000);
  first.end.reject(new Error("failed"));
  await expect(first.answer).rejects.toThrow("failed");
  await pass(20_000);
  expect(await repeat()).toMatchObject({ body: "2nd" });
});

it("a request whose process died lets its repetition through after half a minute", async () => {
  const first = slowRequest();
  await first.begun;
  await pass(60_000);
  // As if it were gone: nothing is renewed any more.
  vi.clearAllTimers();
  ahead += 30_001;
  expect(await repeat()).toMatchObject({ body: "2nd" });
  first.end.resolve("1st");
  await first.answer;
});
