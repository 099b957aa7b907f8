import { Problem } from "../../errors.ts";
import type { Credential } from "../../ports.ts";
import type { AgentAuth } from "../../schema/agent-auth.ts";
import type { CreateAgent } from "../../schema/create-agent.ts";
import type { Context } from "../context.ts";

/** The key that a caller hands over for an agent, as its host stores it. */
export const givenCredential = ({ settings }: Context, { provider, credentials, baseUrl }: AgentAuth): Credential => ({
  provider,
  apiKey: credentials.apiKey,
  baseUrl,
  // A key of ours, handed on by a control plane or given back by hand, still works through our proxy alone.
  metered: baseUrl?.startsWith(`${settings.provisioning.publicUrl}/proxy/`) ?? false,
});

/** @throws Problem `credential_not_stored` on a host that keeps records only */
export function requireStoredCredentials({ host }: Context): void {
  if (host.storesCredentials) return;
  throw new Problem(
    "credential_not_stored",
    `The host "${host.kind}" keeps records only, and nothing there can hold the credential.`,
  );
}

/**
 * A create's body as its Idempotency-Key is held to it: whoever repeats it after a crash, to learn how it ended, has the
 * key no longer.
 */
export const withoutAuth = ({ auth: _, ...body }: CreateAgent): CreateAgent => body;
