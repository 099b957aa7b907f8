import type { AuditObject } from "./audit-object.ts";
import type { LedgerObject } from "./ledger-object.ts";

/** What `wrangler.jsonc` binds, and the variables and secrets beside it. */
export interface Bindings {
  RECORDS: KVNamespace;
  LEDGER: DurableObjectNamespace<LedgerObject>;
  AUDIT: DurableObjectNamespace<AuditObject>;
  /** The settings of `config.json`: JSON text, or the object itself as `wrangler.jsonc` may have it. */
  OPENCLAW_CONFIG?: unknown;
  /** Overrides `gateway.provisioning.enabled`. */
  OPENCLAW_PROVISIONING_ENABLED?: string;
  /** Overrides `gateway.provisioning.publicUrl`. */
  OPENCLAW_PUBLIC_URL?: string;
  OPENCLAW_GATEWAY_TOKEN?: string;
  /** Stands for a key with `provisioning:admin`. */
  OPENCLAW_ADMIN_TOKEN?: string;
  /** 32 bytes, base64url. */
  OPENCLAW_PROVISIONING_SEAL_KEY?: string;
}
