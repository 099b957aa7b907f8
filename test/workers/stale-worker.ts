/** The Worker on a KV as it is far from the last writer: every read may show what was there a minute ago. */
import type { Bindings } from "../../adapters/cloudflare/bindings.ts";
import worker from "../../adapters/cloudflare/worker.ts";

export { AuditObject, LedgerObject } from "../../adapters/cloudflare/worker.ts";

const staleMs = 60_000;
const seen = new Map<string, { value: string | null; at: number }>();
/** Reads whose answer was not true any more: shown to the test, so that it tests something. */
let staleReads = 0;
let wrapped: Bindings | undefined;

const withStaleRecords = (env: Bindings): Bindings => {
  wrapped ??= { ...env, RECORDS: staleKv(env.RECORDS) };
  return wrapped;
};

function staleKv(kv: KVNamespace): KVNamespace {
  return {
    async get(asked: string | string[]) {
      if (typeof asked === "string") return await read(asked);
      return new Map(await Promise.all(asked.map(async (key) => [key, await read(key)] as const)));
    },
    put: (key: string, value: string) => kv.put(key, value),
    delete: (key: string) => kv.delete(key),
    list: (options: KVNamespaceListOptions) => kv.list(options),
  } as unknown as KVNamespace;

  async function read(key: string): Promise<string | null> {
    const now = Date.now();
    const value = await kv.get(key);
    const before = seen.get(key);
    if (!before || now - before.at > staleMs) {
      seen.set(key, { value, at: now });
      return value;
    }
    if (before.value !== value) staleReads++;
    return before.value;
  }
}

export default {
  async fetch(request, env) {
    const response = await worker.fetch(request, withStaleRecords(env));
    const headers = new Headers(response.headers);
    headers.set("x-stale-reads", String(staleReads));
    return new Response(response.body, { status: response.status, headers });
  },
} satisfies ExportedHandler<Bindings>;
