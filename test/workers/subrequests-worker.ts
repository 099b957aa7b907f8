/** The Worker with its subrequests counted: those to KV, to Durable Objects and to others. */
import type { Bindings } from "../../adapters/cloudflare/bindings.ts";
import worker from "../../adapters/cloudflare/worker.ts";

export { AlertObject, AuditObject, LedgerObject } from "../../adapters/cloudflare/worker.ts";

let subrequests = 0;
let wrapped: Bindings | undefined;

/** A stub's methods are none of its own properties, and work on itself alone. */
const counted = <T extends object>(target: T): T =>
  new Proxy(target, {
    get:
      (_, name) =>
      (...args: unknown[]) => {
        subrequests++;
        return (target as Record<PropertyKey, (...args: unknown[]) => unknown>)[name]!(...args);
      },
  });

const countedObjects = <T extends Rpc.DurableObjectBranded>(objects: DurableObjectNamespace<T>) =>
  ({
    idFromName: (name: string) => objects.idFromName(name),
    idFromString: (id: string) => objects.idFromString(id),
    get: (id: DurableObjectId) => counted(objects.get(id)),
  }) as DurableObjectNamespace<T>;

const withCounter = (env: Bindings): Bindings => {
  wrapped ??= {
    ...env,
    RECORDS: counted(env.RECORDS),
    LEDGER: countedObjects(env.LEDGER),
    AUDIT: countedObjects(env.AUDIT),
    ALERTS: countedObjects(env.ALERTS),
  };
  return wrapped;
};

const { fetch } = globalThis;
globalThis.fetch = async (...request: Parameters<typeof fetch>) => {
  subrequests++;
  return await fetch(...request);
};

export default {
  async fetch(request, env) {
    const response = await worker.fetch(request, withCounter(env));
    const headers = new Headers(response.headers);
    headers.set("x-subrequests", String(subrequests));
    return new Response(response.body, { status: response.status, headers });
  },
} satisfies ExportedHandler<Bindings>;
