/**
 * Shows the ports to a test in another process. A request carries the calls of one moment, which run together here;
 * the answer has them in the order in which they ended.
 */

import { AlertObject as RealAlertObject } from "../../adapters/cloudflare/alert-object.ts";
import { createDurableAudit } from "../../adapters/cloudflare/audit.ts";
import { AuditObject as RealAuditObject } from "../../adapters/cloudflare/audit-object.ts";
import type { Bindings } from "../../adapters/cloudflare/bindings.ts";
import { createKvRecords } from "../../adapters/cloudflare/kv-records.ts";
import { createDurableLedger } from "../../adapters/cloudflare/ledger.ts";
import { LedgerObject as RealLedgerObject } from "../../adapters/cloudflare/ledger-object.ts";
import { createLeftovers } from "../../adapters/cloudflare/leftovers.ts";
import { createDurableOutbox } from "../../adapters/cloudflare/outbox.ts";
import type { Collection, RecordOf } from "../../src/storage/keyspace.ts";

/** With a way in for what another release has left, and for who does not wait for the alarm. */
export class LedgerObject extends RealLedgerObject {
  protected override readonly reportAfterMs = 200;
  readonly #kv: { refusesDeletions: boolean };

  constructor(context: DurableObjectState, env: Bindings) {
    const kv = { refusesDeletions: false };
    const RECORDS = {
      put: (key: string, value: string) => env.RECORDS.put(key, value),
      async delete(key: string) {
        if (kv.refusesDeletions) throw new Error("KV DELETE failed: 429 Too Many Requests");
        await env.RECORDS.delete(key);
      },
    } as unknown as KVNamespace;
    super(context, { ...env, RECORDS } as never);
    this.#kv = kv;
  }

  refuseDeletions(): void {
    this.#kv.refusesDeletions = true;
  }
  forge(statement: string): void {
    this.ctx.storage.sql.exec(statement);
  }
  async ring(): Promise<void> {
    await this.alarm();
  }
  async alarmTime(): Promise<number | null> {
    return await this.ctx.storage.getAlarm();
  }
}

/** With a way in for a forger. */
export class AuditObject extends RealAuditObject {
  forge(statement: string): void {
    this.ctx.storage.sql.exec(statement);
  }
}

/** It sends nothing by itself. */
export class AlertObject extends RealAlertObject {
  override async alarm(): Promise<void> {}
}

export interface PortCall {
  port: "outbox" | "ledger" | "audit" | "records" | "left";
  method: string;
  args: unknown[];
  /** The clock's time. */
  now: number;
  /** Keeps one test's objects and records apart from another's. */
  scope: string;
}

export type PortAnswer = { call: number } & (
  | { value: unknown }
  | { failure: { name: string; code?: string; message: string; cause: string } }
);

/** Ids of the ledger objects used, by scope: they stand for the notes that an alarm would leave in time. */
const used = new Map<string, Set<string>>();

function scopedObjects<T extends Rpc.DurableObjectBranded>(objects: DurableObjectNamespace<T>, scope: string) {
  const ids = used.get(scope) ?? new Set<string>();
  used.set(scope, ids);
  return {
    idFromName(name: string) {
      // Without a scope: what one object tells another.
      const id = objects.idFromName(scope === "" ? name : `${scope} ${name}`);
      ids.add(id.toString());
      return id;
    },
    idFromString: (id: string) => objects.idFromString(id),
    get: (id: DurableObjectId) => objects.get(id),
  } as DurableObjectNamespace<T>;
}

function scopedKv(kv: KVNamespace, scope: string): KVNamespace {
  const prefix = `${scope} `;
  return {
    async get(asked: string | string[]) {
      if (typeof asked === "string") return await kv.get(prefix + asked);
      const found = await kv.get(asked.map((key) => prefix + key));
      return new Map([...found].map(([key, text]) => [key.slice(prefix.length), text]));
    },
    put: (key: string, value: string) => kv.put(prefix + key, value),
    delete: (key: string) => kv.delete(prefix + key),
    async list(options: KVNamespaceListOptions) {
      // Short lists, so that the paging of the namespace shows.
      const list = await kv.list({ ...options, prefix: prefix + (options.prefix ?? ""), limit: 5 });
      return { ...list, keys: list.keys.map((key) => ({ ...key, name: key.name.slice(prefix.length) })) };
    },
  } as unknown as KVNamespace;
}

async function answer({ port, method, args, now, scope }: PortCall, env: Bindings): Promise<unknown> {
  const clock = { now: () => now };
  if (port === "audit") {
    if (method === "forge") {
      const forged = scopedObjects(env.AUDIT, scope) as unknown as DurableObjectNamespace<AuditObject>;
      return await forged.get(forged.idFromName("audit")).forge(args[0] as string);
    }
    return await invoke(createDurableAudit({ objects: scopedObjects(env.AUDIT, scope), clock }), method, args);
  }
  if (port === "outbox") {
    return await invoke(createDurableOutbox({ objects: scopedObjects(env.ALERTS, scope), clock }), method, args);
  }
  const objects = scopedObjects(env.LEDGER, scope);
  if (port === "ledger" && ["forge", "alarm", "alarmTime", "refuseDeletions"].includes(method)) {
    const [shard, statement] = args as [string, string];
    const forged = objects as unknown as DurableObjectNamespace<LedgerObject>;
    const object = forged.get(forged.idFromName(shard));
    if (method === "refuseDeletions") return await object.refuseDeletions();
    if (method === "alarmTime") return await object.alarmTime();
    return await (method === "forge" ? object.forge(statement) : object.ring());
  }
  if (port === "records") {
    const ledger = createDurableLedger({ objects, leftovers: createLeftovers(env.RECORDS), clock });
    const records = createKvRecords(scopedKv(env.RECORDS, scope), ledger);
    if (method !== "replace") return await invoke(records, method, args);
    // A function does not cross: what its caller has seen stands for what it expects.
    const [collection, id, seen, next] = args as [Collection, string, unknown, RecordOf<Collection> | null];
    const isSame = (now: unknown) => JSON.stringify(now ?? null) === JSON.stringify(seen);
    return await records.replace(collection, id, isSame, next ?? undefined);
  }
  if (port === "left") {
    // The notes as they really are.
    if (method === "notes") return (await env.RECORDS.list({ prefix: "leftover:" })).keys.map(({ name }) => name);
    const leftovers = createLeftovers(env.RECORDS);
    return await createDurableLedger({ objects, leftovers, clock }).abandoned(() => false);
  }
  const ledger = createDurableLedger({ objects, leftovers: { objects: async () => [...used.get(scope)!] }, clock });
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
    const answers: PortAnswer[] = [];
    const run = async (call: PortCall, index: number) => {
      try {
        answers.push({ call: index, value: await answer(call, env) });
      } catch (error) {
        const { name, code, message, cause } = error as {
          name: string;
          code?: string;
          message: string;
          cause: unknown;
        };
        answers.push({ call: index, failure: { name, code, message, cause: String(cause) } });
      }
    };
    await Promise.all((await request.json<PortCall[]>()).map(run));
    return Response.json(answers);
  },
} satisfies ExportedHandler<Bindings>;
