import type { NodePorts } from "../../adapters/node/open-node.ts";
import type { Ports } from "../../src/storage/keyspace.ts";

/** The steps that change something, or decide that it may be changed. */
const steps = {
  records: ["set", "remove", "replace"],
  ledger: ["put", "replace", "claim", "release", "reserve", "settle", "holder"],
  host: ["create", "remove", "setCredential", "bind", "update"],
  audit: ["append"],
} as const;
/** Passes no time while paused, and is no step. */
const alsoPaused: Record<string, readonly string[]> = { ledger: ["renew", "get"], records: ["get", "list"] };

export interface Gate {
  /** @param steps methods before which it may stop; `paused` ones only wait while it is stopped */
  wrap<T extends object>(name: string, of: T, steps: readonly string[], paused?: readonly string[]): T;
  /** Counts from here on, and stops before the step of that number, as SIGSTOP would: nothing goes on, no renewal. */
  stopBefore(step: number): void;
  /** Resolves to the step before which it stopped. */
  stopped: Promise<string>;
  resume(): void;
}

export interface Pausable extends Omit<Gate, "wrap"> {
  ports: Ports;
}

/** A place where a process can be stopped between two steps. */
export function createGate(): Gate {
  let gate: PromiseWithResolvers<void> | undefined;
  let left = Number.POSITIVE_INFINITY;
  const stopped = Promise.withResolvers<string>();
  return {
    wrap(name, of, steps, paused = []) {
      const real = of as Record<string, (...args: unknown[]) => Promise<unknown>>;
      const named = [...steps, ...paused].map((method) => [
        method,
        async (...args: unknown[]) => {
          if (gate) await gate.promise;
          else if (steps.includes(method) && --left === 0) {
            gate = Promise.withResolvers();
            stopped.resolve(`${name}.${method}`);
            await gate.promise;
          }
          const answer = await real[method]!(...args);
          if (gate) await gate.promise;
          return answer;
        },
      ]);
      const replaced = Object.fromEntries(named);
      return new Proxy(of, { get: (target, key) => replaced[key as string] ?? Reflect.get(target, key) });
    },
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

/** The ports of a process that can be stopped between two steps. */
export function pausable({ ports }: Pick<NodePorts, "ports">): Pausable {
  const gate = createGate();
  const wrapped: Record<string, unknown> = { ...ports };
  for (const [name, methods] of Object.entries(steps))
    wrapped[name] = gate.wrap(name, ports[name as keyof Ports] as object, methods, alsoPaused[name]);
  return { ...gate, ports: wrapped as unknown as Ports };
}
