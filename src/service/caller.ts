import type { ProvisioningKeyRecord, Reach, Scope } from "../schema/provisioning-key.ts";

/** On whose behalf something is done, as far as the audit trail and the limits need to know. */
export interface Caller {
  /** A provisioning key's id, `admin`, `cli`, `token`, `jwt:<subject>`, `recovery`. */
  actor: string;
  scopes: readonly Scope[];
  /** `own`: only the agents that `actor` made exist for it. */
  reach: Reach;
  key?: ProvisioningKeyRecord | undefined;
  /** Linked by something other than a provisioning key (a JWT rule). */
  aiProviderKeyId?: string | undefined;
  /** The deployment's own operator: no key's limits apply, and every AI provider may be used. */
  operator: boolean;
  requestId: string;
  /** The console session that stands for the credentials. */
  session?: { id: string; expiresAt: string } | undefined;
  /** The id of a console link's code, which opens one session and nothing else. */
  linkCode?: string | undefined;
  /** The AI key that is the bearer, which may see itself and nothing else. */
  aiKeyId?: string | undefined;
  /** When the credentials end by themselves: a JWT, or a key's secret that is in its grace. */
  bearerExpiresAt?: string | undefined;
  /**
   * The Idempotency-Key of the create whose agent is meant: one that was made anew under its id is another. A control
   * plane says so of each change, which may be late.
   */
  madeWith?: string | undefined;
  address?: string | undefined;
  /** The id of a change to many agents: it joins the trail's events of each. */
  batchId?: string | undefined;
}
