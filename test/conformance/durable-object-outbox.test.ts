import { afterAll, beforeAll } from "vitest";
import type { Ledger, LedgerName, Outbox } from "../../src/ports.ts";
import { testOutbox } from "./outbox.ts";
import { settableClock } from "./settable-clock.ts";
import { testThresholds } from "./thresholds.ts";
import { freshScope, startWorkerPorts, type WorkerPorts } from "./worker-ports.ts";

let ports: WorkerPorts;
beforeAll(async () => {
  ports = await startWorkerPorts();
}, 60_000);
afterAll(() => ports?.dispose());

/** JSON has no `undefined`, and what comes back without a value comes as nothing. */
function outboxOver(scope: string, now: () => number): Outbox {
  const call = ports.handle("outbox", scope, now);
  const port =
    (method: keyof Outbox) =>
    async (...args: unknown[]) =>
      (await call(method, args)) as never;
  return {
    put: port("put"),
    take: port("take"),
    spread: port("spread"),
    begin: port("begin"),
    record: port("record"),
    deliveries: port("deliveries"),
    resend: port("resend"),
    discard: port("discard"),
    nextDue: port("nextDue"),
    recent: port("recent"),
  };
}

testOutbox("Durable Object", async () => {
  const clock = settableClock();
  const scope = freshScope();
  return {
    outbox: outboxOver(scope, clock.now),
    second: outboxOver(scope, clock.now),
    clock,
    dispose: async () => {},
  };
});

testThresholds("Durable Object", async () => {
  const clock = settableClock();
  const send = ports.handle("ledger", freshScope(), clock.now);
  const port =
    (method: keyof Ledger) =>
    async (...args: unknown[]) =>
      (await send(method, args)) as never;
  const ledger = { reserve: port("reserve"), settle: port("settle"), settleStale: port("settleStale") };
  return {
    ledger,
    second: ledger,
    // The one to which every ledger object brings its alerts.
    outbox: outboxOver("", clock.now),
    async bring(name: LedgerName) {
      await send("alarm", [name.slice(0, name.indexOf("/"))]);
    },
    dispose: async () => {},
  };
});
