import { Problem } from "../../src/errors.ts";
import type { AuditTrail, Clock } from "../../src/ports.ts";
import type { AuditRecord } from "../../src/schema/audit-event.ts";
import { recordInLine } from "../../src/storage/audit-line.ts";
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
      const events: AuditRecord[] = [];
      // One more than asked tells whether there is a next page.
      for (let before = cursor; ; ) {
        const lines = await unless("store_unreadable", () => trail().read(limit + 1, before, filter));
        for (const { line } of lines) {
          const record = recordInLine(line);
          if (record === undefined) continue;
          const oldest = events.at(-1);
          if (events.length >= limit) return oldest === undefined ? { events } : { events, nextCursor: oldest.seq };
          events.push(record);
        }
        const end = lines.at(-1);
        if (end === undefined || lines.length <= limit) return { events };
        before = end.seq;
      }
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
