import type { ActivityLog } from "./activity-log.ts";
import type { AgentHost } from "./agent-host.ts";
import type { AuditTrail } from "./audit-trail.ts";
import type { Ledger } from "./ledger.ts";
import type { Outbox } from "./outbox.ts";
import type { RecordStore } from "./record-store.ts";
import type { Clock, Crypto, Fetch, Instance, Log } from "./runtime.ts";
import type { WebhookTransport } from "./webhook-transport.ts";

/** @template Types what each collection of the records holds */
export interface PortsOver<Types extends object> {
  records: RecordStore<Types>;
  ledger: Ledger;
  audit: AuditTrail;
  host: AgentHost;
  outbox: Outbox;
  webhooks: WebhookTransport;
  activity: ActivityLog;
  /** How often a stream of events looks, and for how long. Default: each 2 s, for 5 minutes. */
  eventTicks?: { everyMs: number; most: number } | undefined;
  clock: Clock;
  crypto: Crypto;
  fetch: Fetch;
  log: Log;
  instance: Instance;
  /** Keys of 32 bytes: secrets are sealed under the first, and opened under any. */
  sealKeys(): readonly Uint8Array[];
  /** Agents that one call may change, where an invocation may do so many things only. */
  mostBulkChanges?: number | undefined;
  /** Runs on after the answer was sent (the Worker's `waitUntil`). */
  background: (work: Promise<unknown>) => void;
  /** How long it may, where the platform then ends it without a word. */
  backgroundMs?: number | undefined;
  /** Aborted when the process is to end: who waits for a store to come back waits no longer. */
  ending?: AbortSignal | undefined;
}
