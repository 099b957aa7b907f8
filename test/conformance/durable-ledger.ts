import type { Abandoned, Clock, Ledger } from "../../src/ports.ts";
import type { WorkerPorts } from "./worker-ports.ts";

/** The ledger of Durable Objects in a real workerd, as another process calls it. */
export function durableLedger(ports: WorkerPorts, scope: string, clock: Clock): Ledger {
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
    creditEstimates: call("creditEstimates"),
    used: call("used"),
    usage: call("usage"),
    topUsage: call("topUsage"),
    nearLimit: call("nearLimit"),
    forget: call("forget"),
    get: call("get"),
    put: call("put"),
    replace: call("replace"),
    claim: call("claim"),
    renew: call("renew"),
    holder: call("holder"),
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
