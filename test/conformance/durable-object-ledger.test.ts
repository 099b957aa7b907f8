import { afterAll, beforeAll, expect, it } from "vitest";
import type { Abandoned, Clock, Ledger } from "../../src/ports.ts";
import { testLedger } from "./ledger.ts";
import { settableClock } from "./settable-clock.ts";
import { freshScope, startWorkerPorts, type WorkerPorts } from "./worker-ports.ts";

let ports: WorkerPorts;
beforeAll(async () => {
  ports = await startWorkerPorts();
});
afterAll(() => ports.dispose());

function handle(scope: string, clock: Clock): Ledger {
  const send = ports.handle("ledger", scope, clock.now);
  const call =
    (method: keyof Ledger) =>
    <T>(...args: unknown[]) =>
      send<T>(method, args);
  return {
    take: call("take"),
    seen: call("seen"),
    reserve: call("reserve"),
    settle: call("settle"),
    settleStale: call("settleStale"),
    used: call("used"),
    adjust: call("adjust"),
    usage: call("usage"),
    forget: call("forget"),
    get: call("get"),
    put: call("put"),
    claim: call("claim"),
    release: call("release"),
    check: call("check"),
    close: call("close"),
    // A function does not cross: whom it may be asked about comes first, and it is asked here.
    async abandoned(isGone) {
      const everyone = await send<Abandoned[]>("abandoned", [null]);
      const gone = everyone.map(({ owner }) => owner).filter(isGone);
      const left = await send<Abandoned[]>("abandoned", [gone]);
      return left.map(({ name, owner, note }) => ({ name, owner, note }));
    },
  };
}

testLedger("Durable Object", async () => {
  const scope = freshScope();
  const clock = settableClock();
  return { ledger: handle(scope, clock), second: handle(scope, clock), clock, dispose: async () => {} };
});

const until = async <T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> => {
  for (let tries = 0; ; tries++) {
    const value = await read();
    if (holds(value) || tries > 100) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
it("finds a claim that ran out by the note that its object leaves, and takes the note back when it is dealt with", async () => {
  const scope = freshScope();
  const clock = settableClock();
  const ledger = handle(scope, clock);
  const left = ports.handle("left", scope, clock.now);
  const notes = () => left<string[]>("notes", []);
  const abandoned = () => left<Abandoned[]>("abandoned", []);
  const ttlMs = 300;
  await ledger.claim("agent:a/claim", { owner: "a", ttlMs, note: "op-a" });
  await ledger.claim("agent:b/claim", { owner: "b", ttlMs });
  await ledger.release("agent:b/claim", "b");
  expect(await notes()).toEqual([]);
  clock.set(clock.now() + 300);
  expect(await until(notes, (names) => names.length > 0)).toHaveLength(1);
  // The one that was released left nothing, and its emptied object serves on.
  expect(await ledger.claim("agent:b/claim", { owner: "c", ttlMs: null })).toEqual({ granted: true });
  expect(await abandoned()).toEqual([{ name: "agent:a/claim", owner: "a", note: "op-a" }]);
  expect(await notes()).toHaveLength(1);
  await ledger.release("agent:a/claim", "a");
  expect(await abandoned()).toEqual([]);
  expect(await notes()).toEqual([]);
});
