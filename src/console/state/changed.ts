import { invalidate } from "./use-query.ts";

/** To be called after a provisioning key was made, changed or revoked, with which sessions may end. */
export const keysChanged = (): void => invalidate("/provisioning/agent-keys", "/provisioning/sessions", "/overview");

/** To be called after an AI provider was added, changed or revoked, on which agents' states depend. */
export const providersChanged = (): void =>
  invalidate("/provisioning/ai-providers", "/console/session", "/overview", "/agents");
/** To be called after a webhook was made, changed or deleted. */
export const webhooksChanged = (): void => invalidate("/provisioning/webhooks");
/** To be called after anything was written to the trail. */
export const trailChanged = (): void => invalidate("/provisioning/audit");
/** To be called after an agent, its key or its quotas changed. */
export const agentsChanged = (): void => invalidate("/agents", "/usage", "/overview", "/provisioning/audit");
