import { afterAll, beforeAll } from "vitest";
import type { LedgerName, Outbox } from "../../src/ports.ts";
import { durableLedger } from "./durable-ledger.ts";
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
  const send = ports.handle("outbox", scope, now);
  const call =
    (method: keyof Outbox) =>
    <T>(...args: unknown[]) =>
      send<T>(method, args);
  return {
    put: call("put"),
    take: call("take"),
    spread: call("spread"),
    begin: call("begin"),
    record: call("record"),
    deliveries: call("deliveries"),
    resend: call("resend"),
    discard: call("discard"),
    nextDue: call("nextDue"),
    recent: call("recent"),
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
  const scope = freshScope();
  const ledger = durableLedger(ports, scope, clock);
  return {
    ledger,
    second: ledger,
    // The one to which every ledger object brings its alerts.
    outbox: outboxOver("", clock.now),
    async bring(name: LedgerName) {
      await ports.handle("ledger", scope, clock.now)("alarm", [name.slice(0, name.indexOf("/"))]);
    },
    dispose: async () => {},
  };
});
