import type { Metrics } from "../metrics.ts";
import type { AuditTrail } from "../ports.ts";
import type { Ports, Records } from "../storage/keyspace.ts";

/** The ports, with what an operator wants to know of them counted: the trail's lag, and the store's writes. */
export function withMetrics(ports: Ports, metrics: Metrics): Ports {
  const audit: AuditTrail = {
    ...ports.audit,
    async append(event) {
      const startedAt = performance.now();
      await ports.audit.append(event);
      metrics.count("openclaw_audit_events_total", { phase: event.phase });
      metrics.observe("openclaw_audit_append_duration_seconds", (performance.now() - startedAt) / 1000);
    },
  };
  const measured = async <T>(collection: string, write: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    let outcome = "failure";
    try {
      const result = await write();
      outcome = "success";
      return result;
    } finally {
      metrics.count("openclaw_store_writes_total", { collection, outcome });
      metrics.observe("openclaw_store_write_duration_seconds", (performance.now() - startedAt) / 1000, { collection });
    }
  };
  const records: Records = {
    ...ports.records,
    set: (collection, id, value) => measured(collection, () => ports.records.set(collection, id, value)),
    replace: (collection, id, expected, next) =>
      measured(collection, () => ports.records.replace(collection, id, expected, next)),
    remove: (collection, id) => measured(collection, () => ports.records.remove(collection, id)),
  };
  return { ...ports, audit, records };
}
