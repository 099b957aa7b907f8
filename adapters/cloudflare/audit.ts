import type { AuditTrail, Clock } from "../../src/ports.ts";
import type { AuditRecord } from "../../src/schema/audit-event.ts";
import { recordInLine } from "../../src/storage/audit-line.ts";
import { answered } from "./answered.ts";
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
    append: (event) => answered("audit_unwritable", () => trail().append(new Date(clock.now()).toISOString(), event)),
    async read({ limit, cursor, filter = {} }) {
      const events: AuditRecord[] = [];
      // One more than asked tells whether there is a next page.
      for (let before = cursor; ; ) {
        const lines = await answered("store_unreadable", () => trail().read(limit + 1, before, filter));
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
    verify: () => answered("store_unreadable", () => trail().verify()),
    check: () => answered("audit_unwritable", () => trail().check(clock.now())),
    close: async () => {},
  };
}
