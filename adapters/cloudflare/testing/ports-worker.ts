/** Shows the ports to a test in another process, by JSON: `{ port, method, args, now, scope }`. */
import { createDurableAudit } from "../audit.ts";
import type { Bindings } from "../bindings.ts";
import { createDurableLedger } from "../ledger.ts";

export { AuditObject } from "../audit-object.ts";
export { LedgerObject } from "../ledger-object.ts";

interface Call {
  port: "ledger" | "audit" | "left";
  method: string;
  args: unknown[];
  now: number;
  /** Keeps one test's objects apart from another's. */
  scope: string;
}

/** Ids of the ledger objects used, by scope: they stand for the notes that an alarm would leave in time. */
const used = new Map<string, Set<string>>();

function scoped<T extends Rpc.DurableObjectBranded>(namespace: DurableObjectNamespace<T>, scope: string) {
  const ids = used.get(scope) ?? new Set<string>();
  used.set(scope, ids);
  const proxy = Object.create(namespace) as DurableObjectNamespace<T>;
  proxy.idFromName = (name) => {
    const id = namespace.idFromName(`${scope} ${name}`);
    ids.add(id.toString());
    return id;
  };
  proxy.idFromString = (id) => namespace.idFromString(id);
  proxy.get = (id) => namespace.get(id);
  return proxy;
}

async function answer({ port, method, args, now, scope }: Call, env: Bindings): Promise<unknown> {
  const clock = { now: () => now };
  const objects = scoped(env.LEDGER, scope);
  if (port === "audit")
    return await invoke(createDurableAudit({ objects: scoped(env.AUDIT, scope), clock }), method, args);
  if (port === "left") {
    // The notes as they really are.
    const ledger = createDurableLedger({ objects, notes: env.RECORDS, clock });
    return method === "abandoned"
      ? await ledger.abandoned(() => false)
      : (await env.RECORDS.list()).keys.map((k) => k.name);
  }
  const notes = { list: async () => ({ keys: [...used.get(scope)!].map((id) => ({ name: `leftover:${id}` })) }) };
  const ledger = createDurableLedger({ objects, notes: notes as unknown as KVNamespace, clock });
  if (method !== "abandoned") return await invoke(ledger, method, args);
  const gone = args[0] as string[] | null;
  return await ledger.abandoned((owner) => gone === null || gone.includes(owner));
}

async function invoke(port: object, method: string, args: unknown[]): Promise<unknown> {
  // JSON has no `undefined`: what is absent arrives as `null`, and none of the ports takes `null` at the top.
  const given = args.map((argument) => argument ?? undefined);
  return await (port as Record<string, (...args: unknown[]) => Promise<unknown>>)[method]!(...given);
}

export default {
  async fetch(request, env) {
    try {
      return Response.json({ value: await answer(await request.json<Call>(), env) });
    } catch (error) {
      const { code, message, cause } = error as { code?: string; message: string; cause?: unknown };
      return Response.json({ failure: { code, message, cause: String(cause) } });
    }
  },
} satisfies ExportedHandler<Bindings>;
