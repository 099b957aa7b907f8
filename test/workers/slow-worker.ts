/**
 * The Worker on stores that take their time: a record is written, and a reservation is answered, after `slowMs`. A
 * client leaves in the middle where its request says so: workerd sees a closed connection only once it writes there.
 */
import type { Bindings } from "../../adapters/cloudflare/bindings.ts";
import { LedgerObject as RealLedgerObject } from "../../adapters/cloudflare/ledger-object.ts";
import worker from "../../adapters/cloudflare/worker.ts";

export { AlertObject, AuditObject } from "../../adapters/cloudflare/worker.ts";

const slowMs = 1_000;
const later = () => new Promise((resolve) => setTimeout(resolve, slowMs));

export class LedgerObject extends RealLedgerObject {
  override reserve(...asked: Parameters<RealLedgerObject["reserve"]>) {
    const reserved = super.reserve(...asked);
    return asked[2].startsWith("ai-key:") ? (later().then(() => reserved) as never) : reserved;
  }
}

let wrapped: Bindings | undefined;

const withSlowRecords = (env: Bindings): Bindings => {
  wrapped ??= { ...env, RECORDS: slowKv(env.RECORDS) };
  return wrapped;
};

const slowKv = (kv: KVNamespace): KVNamespace =>
  ({
    get: (key: string) => kv.get(key),
    async put(key: string, value: string) {
      await later();
      await kv.put(key, value);
    },
    delete: (key: string) => kv.delete(key),
    list: (options: KVNamespaceListOptions) => kv.list(options),
  }) as unknown as KVNamespace;

export default {
  async fetch(request, env) {
    const leavesAfterMs = Number(request.headers.get("x-leaves-after-ms"));
    if (leavesAfterMs === 0) return await worker.fetch(request, withSlowRecords(env));
    const headers = new Headers(request.headers);
    headers.delete("x-leaves-after-ms");
    try {
      return await env.SELF.fetch(new Request(request, { headers, signal: AbortSignal.timeout(leavesAfterMs) }));
    } catch {
      return new Response(null, { status: 499 });
    }
  },
} satisfies ExportedHandler<Bindings & { SELF: Fetcher }>;
