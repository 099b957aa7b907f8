import { adoptAgentRoute, releaseAgentRoute } from "./handlers/adopt-agent.ts";
import {
  addAiKeyRoute,
  creditAgentRoute,
  getAiKeyHolderRoute,
  getUsageRoute,
  moveAiKeyRoute,
  removeAiKeyRoute,
  rotateAiKeyRoute,
} from "./handlers/agent-ai-keys.ts";
import {
  createAgentKeyRoute,
  listAgentKeysRoute,
  revokeAgentKeyRoute,
  rotateAgentKeyRoute,
} from "./handlers/agent-keys.ts";
import {
  deleteAgentRoute,
  getAgentRoute,
  listAgentsRoute,
  onboardAgentRoute,
  resumeAgentRoute,
  suspendAgentRoute,
  updateAgentRoute,
} from "./handlers/agents.ts";
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
import { examineRoute } from "./handlers/doctor.ts";
import { streamEventsRoute } from "./handlers/events.ts";
import { getFleetUsageRoute, getNearLimitRoute, getOverviewRoute } from "./handlers/fleet-usage.ts";
import { cordonGatewayRoute, listGatewaysRoute, uncordonGatewayRoute } from "./handlers/gateways.ts";
import { getOperationRoute } from "./handlers/operations.ts";
import { listPricesRoute, setPricesRoute, unsetPriceRoute } from "./handlers/prices.ts";
import { rotateSealRoute } from "./handlers/rotate-seal.ts";
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
  adoptAgentRoute,
  releaseAgentRoute,
  suspendAgentRoute,
  resumeAgentRoute,
  getUsageRoute,
  getFleetUsageRoute,
  getNearLimitRoute,
  getOverviewRoute,
  creditAgentRoute,
  addAiKeyRoute,
  moveAiKeyRoute,
  removeAiKeyRoute,
  rotateAiKeyRoute,
  getOperationRoute,
  listGatewaysRoute,
  cordonGatewayRoute,
  uncordonGatewayRoute,
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
