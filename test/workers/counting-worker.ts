/** The Worker on a KV that counts what is asked of it: each call is one operation of those that an invocation has. */
import type { Bindings } from "../../adapters/cloudflare/bindings.ts";
import worker from "../../adapters/cloudflare/worker.ts";

export { AuditObject, LedgerObject } from "../../adapters/cloudflare/worker.ts";

const counted = { get: 0, put: 0, delete: 0, list: 0 };
let wrapped: Bindings | undefined;

const withCounter = (env: Bindings): Bindings => {
  wrapped ??= { ...env, RECORDS: countingKv(env.RECORDS) };
  return wrapped;
};

const countingKv = (kv: KVNamespace): KVNamespace =>
  new Proxy(kv, {
    get(target, name) {
      const operation = Reflect.get(target, name) as (...args: unknown[]) => unknown;
      if (!(name in counted)) return operation;
      return (...args: unknown[]) => {
        counted[name as keyof typeof counted]++;
        return operation.apply(target, args);
      };
    },
  });

export default {
  async fetch(request, env) {
    const response = await worker.fetch(request, withCounter(env));
    const headers = new Headers(response.headers);
    headers.set("x-kv-operations", JSON.stringify(counted));
    return new Response(response.body, { status: response.status, headers });
  },
  scheduled: (event, env) => worker.scheduled(event, withCounter(env)),
} satisfies ExportedHandler<Bindings>;
