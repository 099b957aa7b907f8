import type { NodePorts } from "../../adapters/node/open-node.ts";
import type { Ports } from "../../src/storage/keyspace.ts";

/** What changes something, or decides that it may be changed. */
const steps = {
  records: ["set", "remove", "replace"],
  ledger: ["put", "replace", "claim", "release", "reserve", "settle", "holder"],
  host: ["create", "remove", "setCredential", "bind", "update"],
  audit: ["append"],
} as const;
/** Passes no time while paused, and is no step. */
const alsoPaused: Record<string, readonly string[]> = { ledger: ["renew", "get"], records: ["get", "list"] };

export interface Pausable {
  ports: Ports;
  /** Counts from here on, and stops before the step of that number, as SIGSTOP would: nothing goes on, no renewal. */
  stopBefore(step: number): void;
  /** Resolves to the step before which it stopped. */
  stopped: Promise<string>;
  resume(): void;
}

/** The ports of a process that can be stopped between two steps. */
export function pausable({ ports }: Pick<NodePorts, "ports">): Pausable {
  let gate: PromiseWithResolvers<void> | undefined;
  let left = Number.POSITIVE_INFINITY;
  const stopped = Promise.withResolvers<string>();
  const wrapped: Record<string, unknown> = { ...ports };
  for (const [port, methods] of Object.entries(steps)) {
    const real = ports[port as keyof Ports] as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
    const named = [...methods, ...(alsoPaused[port] ?? [])].map((method) => [
      method,
      async (...args: unknown[]) => {
        if (gate) await gate.promise;
        else if ((methods as readonly string[]).includes(method) && --left === 0) {
          gate = Promise.withResolvers();
          stopped.resolve(`${port}.${method}`);
          await gate.promise;
        }
        const answer = await real[method]!(...args);
        if (gate) await gate.promise;
        return answer;
      },
    ]);
    const replaced = Object.fromEntries(named);
    wrapped[port] = new Proxy(real, { get: (of, name) => replaced[name as string] ?? Reflect.get(of, name) });
  }
  return {
    ports: wrapped as unknown as Ports,
    stopped: stopped.promise,
    stopBefore(step) {
      left = step;
    },
    resume() {
      const { resolve } = gate ?? {};
      gate = undefined;
      left = Number.POSITIVE_INFINITY;
      resolve?.();
    },
  };
}
