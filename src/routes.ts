import {
  createAgentKeyRoute,
  listAgentKeysRoute,
  revokeAgentKeyRoute,
  rotateAgentKeyRoute,
} from "./handlers/agent-keys.ts";
import {
  addAiProviderRoute,
  aiProviderHealthRoute,
  listAiProvidersRoute,
  revokeAiProviderRoute,
  rotateAiProviderRoute,
} from "./handlers/ai-providers.ts";
import { listAuditRoute, rotateAuditRoute, verifyAuditRoute } from "./handlers/audit.ts";
import { bulkAgentsRoute } from "./handlers/bulk-agents.ts";
import {
  closeSessionRoute,
  getSessionRoute,
  listSessionsRoute,
  makeConsoleLinkRoute,
  openSessionRoute,
  revokeSessionRoute,
} from "./handlers/console.ts";
import { createAgentRoute } from "./handlers/create-agent.ts";
import { creditAgentRoute } from "./handlers/credit-agent.ts";
import { deleteAgentRoute } from "./handlers/delete-agent.ts";
import { examineRoute } from "./handlers/doctor.ts";
import { streamEventsRoute } from "./handlers/events.ts";
import { getFleetUsageRoute, getNearLimitRoute, getOverviewRoute } from "./handlers/fleet-usage.ts";
import { getAgentRoute } from "./handlers/get-agent.ts";
import { getAiKeyHolderRoute } from "./handlers/get-ai-key-holder.ts";
import { getUsageRoute } from "./handlers/get-usage.ts";
import { listAgentsRoute } from "./handlers/list-agents.ts";
import { onboardAgentRoute } from "./handlers/onboard-agent.ts";
import { listPricesRoute, setPricesRoute, unsetPriceRoute } from "./handlers/prices.ts";
import { rotateAiKeyRoute } from "./handlers/rotate-ai-key.ts";
import { rotateSealRoute } from "./handlers/rotate-seal.ts";
import { resumeAgentRoute, suspendAgentRoute } from "./handlers/suspend-agent.ts";
import { updateAgentRoute } from "./handlers/update-agent.ts";
import {
  createWebhookRoute,
  deleteWebhookRoute,
  listDeliveriesRoute,
  listWebhooksRoute,
  resendDeliveryRoute,
  rotateWebhookSecretRoute,
  testWebhookRoute,
  updateWebhookRoute,
} from "./handlers/webhooks.ts";
import type { Route } from "./http/call.ts";

/** Everything under the base path. The guards, the OpenAPI document and the common tests read this table. */
export const routes: readonly Route[] = [
  createAgentRoute,
  listAgentsRoute,
  bulkAgentsRoute,
  getAgentRoute,
  updateAgentRoute,
  deleteAgentRoute,
  onboardAgentRoute,
  suspendAgentRoute,
  resumeAgentRoute,
  getUsageRoute,
  getFleetUsageRoute,
  getNearLimitRoute,
  getOverviewRoute,
  creditAgentRoute,
  rotateAiKeyRoute,
  addAiProviderRoute,
  aiProviderHealthRoute,
  listAiProvidersRoute,
  rotateAiProviderRoute,
  revokeAiProviderRoute,
  rotateSealRoute,
  createAgentKeyRoute,
  listAgentKeysRoute,
  revokeAgentKeyRoute,
  rotateAgentKeyRoute,
  listPricesRoute,
  setPricesRoute,
  unsetPriceRoute,
  listAuditRoute,
  verifyAuditRoute,
  rotateAuditRoute,
  getAiKeyHolderRoute,
  openSessionRoute,
  getSessionRoute,
  closeSessionRoute,
  makeConsoleLinkRoute,
  listSessionsRoute,
  revokeSessionRoute,
  streamEventsRoute,
  examineRoute,
  createWebhookRoute,
  listWebhooksRoute,
  updateWebhookRoute,
  deleteWebhookRoute,
  testWebhookRoute,
  rotateWebhookSecretRoute,
  listDeliveriesRoute,
  resendDeliveryRoute,
];
