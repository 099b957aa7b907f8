export const auditPhases = ["intent", "outcome", "event"] as const;
export const auditOutcomes = ["success", "failure", "denied"] as const;

/**
 * `intent` stands before a change's side effects and `outcome` after them, joined by `operationId`;
 * `event` stands alone (reads, denials).
 */
export interface AuditEvent {
  phase: (typeof auditPhases)[number];
  /** The change that was made: `agent.create`, `provisioning-key.revoke`, `request.denied`, ... */
  action: string;
  /** A provisioning key's id, `admin`, `cli`, `token`, `anonymous`, `recovery`, `several`. */
  actor: string;
  outcome?: (typeof auditOutcomes)[number] | undefined;
  operationId?: string | undefined;
  requestId?: string | undefined;
  /** The changed object: an agent's id, a key's id. */
  target?: string | undefined;
  address?: string | undefined;
  /** Never a secret: names, ids, codes. */
  details?: Record<string, string | number | boolean | string[]> | undefined;
}

/** An event as a link of the trail's chain. */
export interface AuditRecord extends AuditEvent {
  seq: number;
  /** ISO 8601, in UTC. */
  time: string;
  /** The hash of the event before; 64 zeros for the first. */
  previous: string;
  /** SHA-256 of `previous` and the canonical event. */
  hash: string;
}

/** All that is given must hold. */
export interface AuditFilter {
  action?: string | undefined;
  actor?: string | undefined;
  target?: string | undefined;
  phase?: AuditEvent["phase"] | undefined;
  outcome?: AuditEvent["outcome"];
  /** Days in UTC, both inclusive. */
  from?: string | undefined;
  to?: string | undefined;
}
