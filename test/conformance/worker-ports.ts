import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { Problem, type ProblemCode } from "../../src/errors.ts";

interface Answer {
  call: number;
  value?: unknown;
  failure?: { name: string; code?: ProblemCode; message: string; cause: string };
}

/** Calls a port's method inside the Worker. The calls of one handle in one moment travel together. */
export type CallPort = <T>(method: string, args: unknown[]) => Promise<T>;

/** As much of Workers KV as records take. */
export interface KvLike {
  get(key: string): Promise<string | null>;
  get(keys: string[]): Promise<Map<string, string | null>>;
  put(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
  list(options: { prefix?: string; cursor?: string }): Promise<{ keys: { name: string }[]; list_complete: boolean }>;
}

export interface WorkerPorts {
  /** @param now the time that the port's clock shows */
  handle(port: "outbox" | "ledger" | "audit" | "records" | "left", scope: string, now: () => number): CallPort;
  /** The namespace of the records, for who puts something between. */
  kv(): Promise<KvLike>;
  dispose(): Promise<void>;
}

let bundle: Promise<string> | undefined;

/** Built once for all files that a process runs. */
function bundlePorts(): Promise<string> {
  bundle ??= build({
    entryPoints: [fileURLToPath(new URL("../workers/ports-worker.ts", import.meta.url))],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*"],
    logLevel: "silent",
  }).then(({ outputFiles }) => outputFiles[0]!.text);
  return bundle;
}

/** The Cloudflare ports in a real workerd. */
export async function startWorkerPorts(): Promise<WorkerPorts> {
  const miniflare = new Miniflare({
    modules: true,
    script: await bundlePorts(),
    compatibilityDate: "2026-07-01",
    kvNamespaces: ["RECORDS"],
    durableObjects: {
      LEDGER: { className: "LedgerObject", useSQLite: true },
      AUDIT: { className: "AuditObject", useSQLite: true },
      ALERTS: { className: "AlertObject", useSQLite: true },
    },
  });
  await miniflare.ready;

  async function send(calls: unknown[]): Promise<Answer[]> {
    const response = await miniflare.dispatchFetch("http://ports/", { method: "POST", body: JSON.stringify(calls) });
    return (await response.json()) as Answer[];
  }

  return {
    handle(port, scope, now) {
      let waiting: { call: object; resolve: (value: never) => void; reject: (error: unknown) => void }[] = [];
      async function flush() {
        const batch = waiting;
        waiting = [];
        try {
          for (const { call, value, failure } of await send(batch.map((item) => item.call))) {
            if (failure) batch[call]!.reject(rebuilt(failure));
            else batch[call]!.resolve(value as never);
          }
        } catch (error) {
          for (const { reject } of batch) reject(error);
        }
      }
      return <T>(method: string, args: unknown[]) =>
        new Promise<T>((resolve, reject) => {
          if (waiting.length === 0) setImmediate(flush);
          waiting.push({ call: { port, scope, now: now(), method, args }, resolve, reject });
        });
    },
    kv: async () => (await miniflare.getKVNamespace("RECORDS")) as unknown as KvLike,
    dispose: () => miniflare.dispose(),
  };
}

function rebuilt({ name, code, message, cause }: NonNullable<Answer["failure"]>): Error {
  if (code !== undefined) return new Problem(code, message, { cause });
  return name === "TypeError" ? new TypeError(message) : new Error(message);
}

let scopes = 0;
/** Objects and records that no other test has. */
export const freshScope = (): string => `scope-${++scopes}`;
