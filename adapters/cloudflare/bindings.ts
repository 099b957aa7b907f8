import type { AlertRows } from "./alert-rows.ts";
import type { AuditObject } from "./audit-object.ts";
import type { LedgerObject } from "./ledger-object.ts";
import type { Variables } from "./worker-settings.ts";

/** The bindings of `wrangler.jsonc`, and the variables and secrets beside them. */
export interface Bindings extends Variables {
  RECORDS: KVNamespace;
  LEDGER: DurableObjectNamespace<LedgerObject>;
  AUDIT: DurableObjectNamespace<AuditObject>;
  ALERTS: DurableObjectNamespace<AlertRows>;
}
