/** The Worker on a KV whose lists go on showing keys that were deleted, as they may for a minute. */
import type { Bindings } from "../../adapters/cloudflare/bindings.ts";
import worker from "../../adapters/cloudflare/worker.ts";

export { AuditObject, LedgerObject } from "../../adapters/cloudflare/worker.ts";

/** Every key that was ever put. */
const seen = new Set<string>();
let wrapped: Bindings | undefined;

const withStaleLists = (env: Bindings): Bindings => {
  wrapped ??= { ...env, RECORDS: staleKv(env.RECORDS) };
  return wrapped;
};

const staleKv = (kv: KVNamespace): KVNamespace =>
  ({
    get: (key: string) => kv.get(key),
    async put(key: string, value: string) {
      await kv.put(key, value);
      seen.add(key);
    },
    delete: (key: string) => kv.delete(key),
    async list({ prefix }: KVNamespaceListOptions) {
      const names = [...seen].filter((name) => name.startsWith(prefix ?? "")).sort();
      return { keys: names.map((name) => ({ name })), list_complete: true };
    },
  }) as unknown as KVNamespace;

export default {
  fetch: (request, env) => worker.fetch(request, withStaleLists(env)),
} satisfies ExportedHandler<Bindings>;
