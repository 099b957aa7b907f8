/**
 * All that the core knows of the world, a port a file. Each port has one conformance suite under `test/conformance`,
 * which every implementation passes.
 */
export type * from "./ports/activity-log.ts";
export type * from "./ports/agent-host.ts";
export type * from "./ports/audit-trail.ts";
export type * from "./ports/host-gateways.ts";
export type * from "./ports/leases.ts";
export type * from "./ports/ledger.ts";
export type * from "./ports/ledger-name.ts";
export type * from "./ports/outbox.ts";
export type * from "./ports/ports-over.ts";
export type * from "./ports/quota-counters.ts";
export type * from "./ports/rate-limits.ts";
export type * from "./ports/record-store.ts";
export type * from "./ports/runtime.ts";
export type * from "./ports/state-texts.ts";
export type * from "./ports/usage-log.ts";
export type * from "./ports/webhook-transport.ts";
