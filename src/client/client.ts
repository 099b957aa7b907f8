/**
 * The typed client of the provisioning API, with nothing but `fetch` beneath it.
 *
 * @example
 * ```ts
 * import { createClient } from "openclaw-provisioning/client";
 *
 * const client = createClient({ url: "http://localhost:18789", token, provisioningKey });
 * const agent = await client.agents.create({ name: "my-agent", model: "claude-sonnet-3.5" });
 * for await (const { agentId, status } of client.agents.all()) console.log(agentId, status);
 * ```
 */
import type { DoctorReport } from "../schema/doctor.ts";
import type {
  FleetUsage,
  FleetUsageQuery,
  NearLimitList,
  NearLimitQuery,
  Overview,
  OverviewQuery,
} from "../schema/fleet-usage.ts";
import type { OperationView } from "../schema/operation.ts";
import { apiBase, credentialHeaders } from "./address.ts";
import { agentKeyCalls } from "./agent-keys.ts";
import { agentCalls } from "./agents.ts";
import { aiProviderCalls } from "./ai-providers.ts";
import { auditCalls } from "./audit.ts";
import type { CallOptions, CallSettings, Retry } from "./call.ts";
import { consoleCalls } from "./console.ts";
import { type EventsOptions, type EventsQuery, streamEvents } from "./events.ts";
import { gatewayCalls } from "./gateways.ts";
import { priceCalls } from "./prices.ts";
import { below, createRequests } from "./requests.ts";
import { webhookCalls } from "./webhooks.ts";

export type { AgentDetail, AgentList, AgentSummary } from "../schema/agent.ts";
export type { IssuedAiKey, RotateAiKey } from "../schema/ai-key.ts";
export type { AddAiProvider, AiProviderAdded, AiProviderView, RotateAiProvider } from "../schema/ai-provider.ts";
export type { BulkChange, BulkChanged, BulkCreate, BulkCreated } from "../schema/bulk.ts";
export type { AgentDeleted, DeleteAgent, UpdateAgent } from "../schema/change-agent.ts";
export type { AgentCreated, CreateAgent } from "../schema/create-agent.ts";
export type { GatewayCordoned, GatewayList, GatewayView } from "../schema/gateway.ts";
export type { AgentOnboarded, OnboardAgent } from "../schema/onboard-agent.ts";
export type { OperationView } from "../schema/operation.ts";
export type { PriceList, PriceRow, PricesSet, PriceUnset, PriceView, SetPrices } from "../schema/price.ts";
export type {
  CreateProvisioningKey,
  ProvisioningKeyIssued,
  ProvisioningKeyView,
  RotateProvisioningKey,
} from "../schema/provisioning-key.ts";
export type { AgentCredited, CreditAgent, Usage, UsageQuery } from "../schema/usage.ts";
export type {
  CreateWebhook,
  DeliveryView,
  RotateWebhookSecret,
  UpdateWebhook,
  WebhookCreated,
  WebhookTested,
  WebhookView,
} from "../schema/webhook.ts";
export type { ProvisioningKeys } from "./agent-keys.ts";
export type { AgentListQuery, AiKeyRotated, CreateOptions } from "./agents.ts";
export type { AiProviders } from "./ai-providers.ts";
export type { AuditEvents, AuditQuery, AuditVerdict } from "./audit.ts";
export type { CallOptions, Retry } from "./call.ts";
export { ClientError, type ClientErrorCode } from "./client-error.ts";
export type { ConsoleSessions } from "./console.ts";
export type { PageQuery } from "./pages.ts";
export type { PriceListQuery } from "./prices.ts";
export type { IdempotentOptions } from "./requests.ts";

/** The address and the credentials; the latter are sent to that origin alone. */
export interface ClientOptions {
  /** `http://localhost:18789`, to which `/api/v1` is added, or the whole base, `https://host/api/v1`. */
  url: string | URL;
  /** The gateway token. */
  token?: string | undefined;
  /** Needed by calls that change something. */
  provisioningKey?: string | undefined;
  /** The id by which `GET /gateways` tells the deployment: another at its address refuses, with `gateway_mistaken`. */
  gatewayId?: string | undefined;
  fetch?: ((request: Request) => Promise<Response>) | undefined;
  /** Retries after the first attempt. Default 2. */
  retries?: number | undefined;
  /** A longer wait is not waited for: the call fails at once, with `retryAfter`. Default 60,000. */
  maxRetryDelayMs?: number | undefined;
  /** The bound of each attempt, and of the wait for a stream to begin. Default 60,000. */
  timeoutMs?: number | undefined;
  onRetry?: ((retry: Retry) => void) | undefined;
}

/** JSON alone: as CSV it is for `fetch`. */
export type FleetUsageOptions = Partial<Omit<FleetUsageQuery, "format">>;

export type Client = ReturnType<typeof createClient>;

/** Timers take whole milliseconds, and a longer one would end at once. */
const longestTimeoutMs = 2 ** 31 - 1;

/** `Number()` of a variable that is not set compares with nothing: retries would never end. */
function refuseNoNumbers(options: Pick<ClientOptions, "retries" | "maxRetryDelayMs" | "timeoutMs">): void {
  for (const name of ["retries", "maxRetryDelayMs", "timeoutMs"] as const) {
    if (!((options[name] ?? 0) >= 0)) throw new TypeError(`${name} must be a number from 0 on`);
  }
}

/** @throws TypeError for an address or a credential that cannot be sent, and for a number that is none */
export function createClient(options: ClientOptions) {
  refuseNoNumbers(options);
  const settings: CallSettings = {
    base: apiBase(options.url),
    headers: credentialHeaders(options),
    fetch: options.fetch ?? ((request) => globalThis.fetch(request)),
    retries: options.retries ?? 2,
    maxRetryDelayMs: options.maxRetryDelayMs ?? 60_000,
    timeoutMs: Math.min(Math.ceil(options.timeoutMs ?? 60_000), longestTimeoutMs),
    onRetry: options.onRetry,
  };
  const requests = createRequests(settings);
  const { read, post } = requests;
  return {
    agents: agentCalls(requests),
    aiProviders: aiProviderCalls(requests),
    agentKeys: agentKeyCalls(requests),
    /** Across agents, one page. */
    usage: (query: FleetUsageOptions = {}, at?: CallOptions) => read<FleetUsage>("/usage", { ...query }, at),
    nearLimit: (query: Partial<NearLimitQuery> = {}, at?: CallOptions) =>
      read<NearLimitList>("/usage/near-limit", { ...query }, at),
    overview: (query: Partial<OverviewQuery> = {}, at?: CallOptions) => read<Overview>("/overview", { ...query }, at),
    gateways: gatewayCalls(requests),
    /** How a create with `respondAsync` stands, or ended. */
    operation: (operationId: string, at?: CallOptions) =>
      read<OperationView>(below("operations", operationId), undefined, at),
    prices: priceCalls(requests),
    audit: auditCalls(requests),
    console: consoleCalls(requests),
    webhooks: webhookCalls(requests),
    seal: {
      /** Seals every stored secret anew under the deployment's first seal key. */
      rotate: (at?: CallOptions) =>
        post<{ sealKey: string; resealed: number }>("/provisioning/seal/rotate", undefined, true, at),
    },
    /** Looks for what is wrong, where the service runs. */
    doctor: (at?: CallOptions) => read<DoctorReport>("/provisioning/doctor", undefined, at),
    /**
     * The events as they happen. The service ends the stream after some minutes; the next stream goes on behind the
     * `id` of the last event.
     */
    events: (query: EventsQuery = {}, at: EventsOptions = {}) => streamEvents(settings, query, at),
    /** The service's own OpenAPI 3.1 document. */
    openapi: (at?: CallOptions) => read<Record<string, unknown>>("/openapi.json", undefined, at),
  };
}
