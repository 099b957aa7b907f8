import { Problem } from "../../src/errors.ts";
import type { AuditTrail, Clock } from "../../src/ports.ts";
import { AuditRecord } from "../../src/schema/audit-event.ts";
import type { AuditObject } from "./audit-object.ts";

/** The `AuditTrail` in one Durable Object. */
export function createDurableAudit({
  objects,
  clock,
}: {
  objects: DurableObjectNamespace<AuditObject>;
  clock: Clock;
}): AuditTrail {
  const trail = () => objects.get(objects.idFromName("audit"));

  return {
    append: (event) => unless("audit_unwritable", () => trail().append(new Date(clock.now()).toISOString(), event)),
    async read({ limit, cursor, filter = {} }) {
      // One more than asked tells whether there is a next page.
      const lines = await unless("store_unreadable", () => trail().read(limit + 1, cursor, filter));
      const events = lines.slice(0, limit).map((line) => AuditRecord.parse(JSON.parse(line)));
      const last = events.at(-1);
      return lines.length > limit && last ? { events, nextCursor: last.seq } : { events };
    },
    verify: () => unless("store_unreadable", () => trail().verify()),
    check: () => unless("audit_unwritable", () => trail().check(clock.now())),
    close: async () => {},
  };
}

async function unless<T>(code: "audit_unwritable" | "store_unreadable", call: () => PromiseLike<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw new Problem(code, undefined, { cause });
  }
}
