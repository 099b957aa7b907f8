import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "jsonc-parser";
import { Miniflare, type MiniflareOptions } from "miniflare";
// @ts-expect-error plain JavaScript, as build.mjs reads it
import { bundleWorker, workerPath } from "../cloudflare/bundle.mjs";

export interface RunningWorker {
  /** `http://127.0.0.1:<port>` */
  origin: string;
  miniflare: Miniflare;
  /** Does the cron's work. */
  maintain(): Promise<void>;
  close(): Promise<void>;
}

export interface WorkerOptions {
  /** The variables and secrets of `bindings.ts`. */
  variables: Record<string, unknown>;
  /** Default: any free one. */
  port?: number | undefined;
  /** The directory of KV and the objects; absent: they are kept nowhere. */
  directory?: string | undefined;
  /** Takes the Worker's log, a line at a time. */
  log?: ((line: string) => void) | undefined;
  /** The module, where it is built already. */
  code?: string | undefined;
  miniflare?: Partial<MiniflareOptions>;
}

const wranglerFile = fileURLToPath(new URL("../cloudflare/wrangler.jsonc", import.meta.url));

/** Serves the Worker as it is deployed, in workerd on this machine. Default: builds it. */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const wrangler = parse(readFileSync(wranglerFile, "utf8")) as {
    compatibility_date: string;
    compatibility_flags: string[];
    triggers: { crons: [string] };
    kv_namespaces: { binding: string }[];
    durable_objects: { bindings: { name: string; class_name: string }[] };
  };
  const objects = wrangler.durable_objects.bindings.map(({ name, class_name }) => [
    name,
    { className: class_name, useSQLite: true },
  ]);
  const miniflare = new Miniflare({
    name: "openclaw-provisioning",
    modules: [{ type: "ESModule", path: workerPath, contents: options.code ?? ((await bundleWorker()) as string) }],
    compatibilityDate: wrangler.compatibility_date,
    compatibilityFlags: wrangler.compatibility_flags,
    kvNamespaces: wrangler.kv_namespaces.map(({ binding }) => binding),
    durableObjects: Object.fromEntries(objects),
    // Miniflare takes what JSON can say.
    bindings: options.variables as Record<string, string>,
    host: "127.0.0.1",
    port: options.port ?? 0,
    // Or it asks Cloudflare where this machine is.
    cf: false,
    telemetry: { enabled: false },
    handleStructuredLogs: ({ message }: { message: string }): void => {
      options.log?.(message);
    },
    ...(options.directory !== undefined && { defaultPersistRoot: options.directory }),
    ...options.miniflare,
  } as MiniflareOptions);
  try {
    const address = await miniflare.ready;
    return {
      origin: `http://127.0.0.1:${address.port}`,
      miniflare,
      async maintain() {
        const worker = await miniflare.getWorker();
        await worker.scheduled({ cron: wrangler.triggers.crons[0] });
      },
      close: () => miniflare.dispose(),
    };
  } catch (error) {
    await miniflare.dispose();
    throw error;
  }
}
