import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { Problem, type ProblemCode } from "../../src/errors.ts";

export interface WorkerPorts {
  /** Calls a port's method inside the Worker, at the clock's time `now`. */
  call<T>(
    to: { port: "ledger" | "audit" | "left"; scope: string; now: number },
    method: string,
    args: unknown[],
  ): Promise<T>;
  miniflare: Miniflare;
  dispose(): Promise<void>;
}

/** The Cloudflare ports in a real workerd. */
export async function startWorkerPorts(): Promise<WorkerPorts> {
  const bundle = await build({
    entryPoints: [fileURLToPath(new URL("../../adapters/cloudflare/testing/ports-worker.ts", import.meta.url))],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*"],
    logLevel: "silent",
  });
  const miniflare = new Miniflare({
    modules: true,
    script: bundle.outputFiles[0]!.text,
    compatibilityDate: "2026-07-01",
    kvNamespaces: ["RECORDS"],
    durableObjects: {
      LEDGER: { className: "LedgerObject", useSQLite: true },
      AUDIT: { className: "AuditObject", useSQLite: true },
    },
  });
  await miniflare.ready;

  return {
    miniflare,
    async call<T>(to: object, method: string, args: unknown[]) {
      const response = await miniflare.dispatchFetch("http://ports/", {
        method: "POST",
        body: JSON.stringify({ ...to, method, args }),
      });
      const answer = (await response.json()) as {
        value?: T;
        failure?: { code?: ProblemCode; message: string; cause: string };
      };
      if (answer.failure?.code) {
        throw new Problem(answer.failure.code, answer.failure.message, { cause: answer.failure.cause });
      }
      if (answer.failure) throw new Error(answer.failure.message);
      return answer.value as T;
    },
    dispose: () => miniflare.dispose(),
  };
}

let scopes = 0;
/** Objects that no other test has. */
export const freshScope = (): string => `scope-${++scopes}`;
