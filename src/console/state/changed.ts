import { invalidate } from "./use-query.ts";

export const keysChanged = (): void => invalidate("/provisioning/agent-keys", "/provisioning/sessions", "/overview");

export const providersChanged = (): void =>
  invalidate("/provisioning/ai-providers", "/console/session", "/overview", "/agents");
export const webhooksChanged = (): void => invalidate("/provisioning/webhooks");
export const agentsChanged = (): void => invalidate("/agents", "/usage", "/overview", "/provisioning/audit");
