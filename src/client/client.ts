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
import type * as z from "zod/mini";
import type { AuditFilter } from "../domain/audit-event.ts";
import type {
  AgentCreated,
  AgentDeleted,
  AgentDetail,
  AgentList,
  AgentOnboarded,
  AgentSummary,
  CreateAgent,
  DeleteAgent,
  OnboardAgent,
  UpdateAgent,
} from "../schema/agent.ts";
import type { AgentQuery } from "../schema/agent-query.ts";
import type { IssuedAiKey, RotateAiKey } from "../schema/ai-key.ts";
import type {
  AddAiProvider,
  AiProviderAdded,
  AiProviderHealth,
  AiProviderList,
  AiProviderView,
  RotateAiProvider,
} from "../schema/ai-provider.ts";
import type { AuditPage, AuditRotated, AuditVerification } from "../schema/audit-event.ts";
import type { BulkChange, BulkChanged, BulkCreate, BulkCreated } from "../schema/bulk.ts";
import type {
  ConsoleCaller,
  ConsoleLink,
  ConsoleSessionList,
  ConsoleSessionOpened,
  ConsoleSessionView,
} from "../schema/console.ts";
import type { DoctorReport } from "../schema/doctor.ts";
import type {
  FleetUsage,
  FleetUsageQuery,
  NearLimitList,
  NearLimitQuery,
  Overview,
  OverviewQuery,
} from "../schema/fleet-usage.ts";
import type { PriceList, PriceRow, PricesSet, PriceUnset, PriceView, SetPrices } from "../schema/price.ts";
import type {
  CreateProvisioningKey,
  ProvisioningKeyIssued,
  ProvisioningKeyList,
  ProvisioningKeyView,
  RotateProvisioningKey,
} from "../schema/provisioning-key.ts";
import type { AgentCredited, CreditAgent, Usage, UsageQuery } from "../schema/usage.ts";
import type {
  CreateWebhook,
  DeliveryPage,
  DeliveryResent,
  DeliveryView,
  RotateWebhookSecret,
  UpdateWebhook,
  WebhookCreated,
  WebhookDeleted,
  WebhookList,
  WebhookTested,
  WebhookView,
} from "../schema/webhook.ts";
import { apiBase, credentialHeaders } from "./address.ts";
import {
  type Call,
  type CallOptions,
  type CallSettings,
  type ChangeOptions,
  headersOf,
  perform,
  type Retry,
} from "./call.ts";
import { type EventsOptions, type EventsQuery, streamEvents } from "./events.ts";

export { ClientError, type ClientErrorCode } from "./client-error.ts";
export type {
  AddAiProvider,
  AgentCreated,
  AgentCredited,
  AgentDeleted,
  AgentDetail,
  AgentList,
  AgentOnboarded,
  AgentSummary,
  AiProviderAdded,
  AiProviderView,
  BulkChange,
  BulkChanged,
  BulkCreate,
  BulkCreated,
  CallOptions,
  CreateAgent,
  CreateProvisioningKey,
  CreateWebhook,
  CreditAgent,
  DeleteAgent,
  DeliveryView,
  IssuedAiKey,
  OnboardAgent,
  PriceList,
  PriceRow,
  PricesSet,
  PriceUnset,
  PriceView,
  ProvisioningKeyIssued,
  ProvisioningKeyView,
  Retry,
  RotateAiKey,
  RotateAiProvider,
  RotateProvisioningKey,
  RotateWebhookSecret,
  SetPrices,
  UpdateAgent,
  UpdateWebhook,
  Usage,
  UsageQuery,
  WebhookCreated,
  WebhookTested,
  WebhookView,
};

export interface ClientOptions {
  /** `http://localhost:18789`, to which `/api/v1` is added, or the whole base, `https://host/api/v1`. */
  url: string | URL;
  /** The gateway token. */
  token?: string | undefined;
  /** For calls that change something. */
  provisioningKey?: string | undefined;
  fetch?: ((request: Request) => Promise<Response>) | undefined;
  /** Retries after the first attempt. Default 2. */
  retries?: number | undefined;
  /** A longer wait is not waited for: the call fails at once, with `retryAfter`. Default 60,000. */
  maxRetryDelayMs?: number | undefined;
  /** For each attempt. Default 60,000. */
  timeoutMs?: number | undefined;
  onRetry?: ((retry: Retry) => void) | undefined;
}

export interface IdempotentOptions extends CallOptions {
  /** Default: a new one for each call, so that its own retries are safe. */
  idempotencyKey?: string | undefined;
}

export interface CreateOptions extends IdempotentOptions {
  /** Be answered as soon as the agent is durable (RFC 7240), with `status: "starting"` if it does not answer yet. */
  respondAsync?: boolean | undefined;
}

export interface PageQuery {
  limit?: number | undefined;
  cursor?: string | undefined;
}

export type AuditEvents = z.infer<typeof AuditPage>;
export type AuditVerdict = z.infer<typeof AuditVerification>;
type AuditRotation = z.infer<typeof AuditRotated>;
export type AiProviders = z.infer<typeof AiProviderList>;
export type ProvisioningKeys = z.infer<typeof ProvisioningKeyList>;
export type ConsoleSessions = z.infer<typeof ConsoleSessionList>;
type Webhooks = z.infer<typeof WebhookList>;
type WebhookDeliveries = z.infer<typeof DeliveryPage>;
export interface AiKeyRotated {
  agentId: string;
  aiKey: IssuedAiKey;
}
/** Without a filter and a sort, every agent is listed, those that others made included. */
export interface AgentListQuery extends PageQuery, Partial<Omit<AgentQuery, "limit" | "cursor">> {}
/** JSON alone: as CSV it is for `fetch`. */
export type FleetUsageOptions = Partial<Omit<FleetUsageQuery, "format">>;

export interface PriceListQuery extends PageQuery {
  provider?: string | undefined;
  /** As requests name it. */
  model?: string | undefined;
  source?: PriceView["source"] | undefined;
}
export interface AuditQuery extends PageQuery, AuditFilter {}

export type Client = ReturnType<typeof createClient>;

async function* pagesOf<Query extends PageQuery, Page extends { nextCursor?: string | undefined }>(
  read: (query: Query) => Promise<Page>,
  query: Query,
): AsyncGenerator<Page> {
  for (let cursor = query.cursor; ; ) {
    const page = await read({ ...query, cursor });
    yield page;
    if (page.nextCursor === undefined) return;
    cursor = page.nextCursor;
  }
}

/** @throws TypeError for an address or a credential that cannot be sent */
export function createClient(options: ClientOptions) {
  const settings: CallSettings = {
    base: apiBase(options.url),
    headers: credentialHeaders(options),
    fetch: options.fetch ?? ((request) => globalThis.fetch(request)),
    retries: options.retries ?? 2,
    maxRetryDelayMs: options.maxRetryDelayMs ?? 60_000,
    timeoutMs: options.timeoutMs ?? 60_000,
    onRetry: options.onRetry,
  };
  // The shapes are the service's word: the contract suite holds it to them.
  const call = async <Answer>(request: Call): Promise<Answer> => (await perform(request, settings)) as Answer;

  const read = <Answer>(path: string, query?: Call["query"], at: CallOptions = {}) =>
    call<Answer>({ method: "GET", path, query, repeatable: true, signal: at.signal });
  const post = <Answer>(path: string, body: unknown, repeatable: boolean, at: CallOptions = {}) =>
    call<Answer>({ method: "POST", path, body, repeatable, signal: at.signal });
  const below = (collection: string, id: string, rest = "") => `/${collection}/${encodeURIComponent(id)}${rest}`;

  const listAgents = (query: AgentListQuery = {}, at?: CallOptions) => read<AgentList>("/agents", { ...query }, at);
  const listPrices = (query: PriceListQuery = {}, at?: CallOptions) =>
    read<PriceList>("/provisioning/prices", { ...query }, at);
  const listAudit = (query: AuditQuery = {}, at?: CallOptions) =>
    read<AuditEvents>("/provisioning/audit", { ...query }, at);

  return {
    agents: {
      create: (body: CreateAgent, { idempotencyKey, respondAsync, signal }: CreateOptions = {}) =>
        call<AgentCreated>({
          method: "POST",
          path: "/agents/create",
          body,
          headers: {
            "idempotency-key": idempotencyKey ?? crypto.randomUUID(),
            ...(respondAsync ? { prefer: "respond-async" } : {}),
          },
          repeatable: true,
          signal,
        }),
      /** One page. */
      list: listAgents,
      /** Every page from `cursor` on, `limit` agents each. */
      pages: (query: AgentListQuery = {}, at?: CallOptions) => pagesOf((page) => listAgents(page, at), query),
      /** Every agent. */
      async *all(at?: CallOptions): AsyncGenerator<AgentSummary> {
        for await (const page of pagesOf((query) => listAgents(query, at), {})) yield* page.agents;
      },
      get: (agentId: string, at?: CallOptions) => read<AgentDetail>(below("agents", agentId), undefined, at),
      update: (agentId: string, body: UpdateAgent, at: ChangeOptions = {}) =>
        call<AgentDetail>({
          method: "PATCH",
          path: below("agents", agentId),
          body,
          headers: headersOf(at),
          repeatable: true,
          signal: at.signal,
        }),
      /** Not repeated after a lost answer: the repetition would say that there is no such agent. */
      delete: (agentId: string, body: DeleteAgent = {}, at: ChangeOptions = {}) =>
        call<AgentDeleted>({
          method: "DELETE",
          path: below("agents", agentId),
          body,
          headers: headersOf(at),
          repeatable: false,
          signal: at.signal,
        }),
      /** One change to as many as a hundred agents; each is refused by itself. */
      bulk: (body: BulkChange, { idempotencyKey, signal }: IdempotentOptions = {}) =>
        call<BulkChanged>({
          method: "POST",
          path: "/agents/bulk",
          body,
          headers: { "idempotency-key": idempotencyKey ?? crypto.randomUUID() },
          repeatable: true,
          signal,
        }),
      /** As many as five hundred, on a Worker 25; each is made or refused by itself. */
      createMany: (body: Omit<BulkCreate, "action">, { idempotencyKey, signal }: IdempotentOptions = {}) =>
        call<BulkCreated>({
          method: "POST",
          path: "/agents/bulk",
          body: { action: "create", ...body },
          headers: { "idempotency-key": idempotencyKey ?? crypto.randomUUID() },
          repeatable: true,
          signal,
        }),
      onboard: (agentId: string, body: OnboardAgent, at: ChangeOptions = {}) =>
        call<AgentOnboarded>({
          method: "POST",
          path: below("agents", agentId, "/onboard"),
          body,
          headers: headersOf(at),
          repeatable: true,
          signal: at.signal,
        }),
      suspend: (agentId: string, at?: CallOptions) =>
        post<AgentDetail>(below("agents", agentId, "/suspend"), undefined, true, at),
      resume: (agentId: string, at?: CallOptions) =>
        post<AgentDetail>(below("agents", agentId, "/resume"), undefined, true, at),
      usage: (agentId: string, query: UsageQuery = {}, at?: CallOptions) =>
        read<Usage>(below("agents", agentId, "/usage"), query, at),
      /** A retry whose first answer was lost answers 0: an estimate is given back once. */
      credit: (agentId: string, body: CreditAgent, at?: CallOptions) =>
        post<AgentCredited>(below("agents", agentId, "/credit"), body, true, at),
      /** A retry whose first answer was lost has no secret in its answer: it is shown once. */
      rotateAiKey: (agentId: string, body: RotateAiKey = {}, { idempotencyKey, signal }: IdempotentOptions = {}) =>
        call<AiKeyRotated>({
          method: "POST",
          path: below("agents", agentId, "/ai-key/rotate"),
          body,
          headers: { "idempotency-key": idempotencyKey ?? crypto.randomUUID() },
          repeatable: true,
          signal,
        }),
    },
    aiProviders: {
      add: (body: AddAiProvider, at?: CallOptions) =>
        post<AiProviderAdded>("/provisioning/ai-providers", body, false, at),
      list: (at?: CallOptions) => read<AiProviders>("/provisioning/ai-providers", undefined, at),
      health: (id: string, at?: CallOptions) =>
        read<AiProviderHealth>(below("provisioning/ai-providers", id, "/health"), undefined, at),
      rotate: (id: string, body: RotateAiProvider, at?: CallOptions) =>
        post<AiProviderAdded>(below("provisioning/ai-providers", id, "/rotate"), body, false, at),
      revoke: (id: string, at?: CallOptions) =>
        post<AiProviderView>(below("provisioning/ai-providers", id, "/revoke"), undefined, true, at),
    },
    agentKeys: {
      create: (body: CreateProvisioningKey, at?: CallOptions) =>
        post<ProvisioningKeyIssued>("/provisioning/agent-keys", body, false, at),
      list: (at?: CallOptions) => read<ProvisioningKeys>("/provisioning/agent-keys", undefined, at),
      revoke: (id: string, at?: CallOptions) =>
        post<ProvisioningKeyView>(below("provisioning/agent-keys", id, "/revoke"), undefined, true, at),
      rotate: (id: string, body: RotateProvisioningKey = {}, at?: CallOptions) =>
        post<ProvisioningKeyIssued>(below("provisioning/agent-keys", id, "/rotate"), body, false, at),
    },
    /** Across agents, one page. */
    usage: (query: FleetUsageOptions = {}, at?: CallOptions) => read<FleetUsage>("/usage", { ...query }, at),
    nearLimit: (query: Partial<NearLimitQuery> = {}, at?: CallOptions) =>
      read<NearLimitList>("/usage/near-limit", { ...query }, at),
    overview: (query: Partial<OverviewQuery> = {}, at?: CallOptions) => read<Overview>("/overview", { ...query }, at),
    prices: {
      /** One page. */
      list: listPrices,
      pages: (query: PriceListQuery = {}, at?: CallOptions) => pagesOf((page) => listPrices(page, at), query),
      /** Those of other models stay. */
      set: (body: SetPrices, at?: CallOptions) =>
        call<PricesSet>({ method: "PUT", path: "/provisioning/prices", body, repeatable: true, signal: at?.signal }),
      /** Not repeated after a lost answer: the repetition would say that there is no such price. */
      unset: (provider: string, model: string, at?: CallOptions) =>
        call<PriceUnset>({
          method: "DELETE",
          path: below("provisioning/prices", provider, `/${encodeURIComponent(model)}`),
          repeatable: false,
          signal: at?.signal,
        }),
    },
    audit: {
      /** One page, newest first. */
      list: listAudit,
      pages: (query: AuditQuery = {}, at?: CallOptions) => pagesOf((page) => listAudit(page, at), query),
      verify: (query: { since?: number | undefined } = {}, at?: CallOptions) =>
        read<AuditVerdict>("/provisioning/audit/verify", query, at),
      rotate: (at?: CallOptions) => post<AuditRotation>("/provisioning/audit/rotate", undefined, false, at),
    },
    console: {
      /** Exchanges the client's credentials for a session. */
      open: (at?: CallOptions) => post<ConsoleSessionOpened>("/console/session", undefined, false, at),
      /** A link that opens the console signed in, once. */
      link: (at?: CallOptions) => post<ConsoleLink>("/console/link", undefined, false, at),
      /** The party that the client's credentials stand for. */
      caller: (at?: CallOptions) => read<ConsoleCaller>("/console/session", undefined, at),
      sessions: (at?: CallOptions) => read<ConsoleSessions>("/provisioning/sessions", undefined, at),
      revoke: (id: string, at?: CallOptions) =>
        post<ConsoleSessionView>(below("provisioning/sessions", id, "/revoke"), undefined, false, at),
    },
    webhooks: {
      create: (body: CreateWebhook, at?: CallOptions) =>
        post<WebhookCreated>("/provisioning/webhooks", body, false, at),
      list: (at?: CallOptions) => read<Webhooks>("/provisioning/webhooks", undefined, at),
      update: (id: string, body: UpdateWebhook, at: CallOptions = {}) =>
        call<WebhookView>({
          method: "PATCH",
          path: below("provisioning/webhooks", id),
          body,
          repeatable: true,
          signal: at.signal,
        }),
      delete: (id: string, at: CallOptions = {}) =>
        call<z.infer<typeof WebhookDeleted>>({
          method: "DELETE",
          path: below("provisioning/webhooks", id),
          repeatable: false,
          signal: at.signal,
        }),
      test: (id: string, at?: CallOptions) =>
        post<WebhookTested>(below("provisioning/webhooks", id, "/test"), undefined, false, at),
      rotateSecret: (id: string, body: RotateWebhookSecret = {}, at?: CallOptions) =>
        post<WebhookCreated>(below("provisioning/webhooks", id, "/rotate-secret"), body, false, at),
      /** One page, newest first. */
      deliveries: (id: string, query: PageQuery = {}, at?: CallOptions) =>
        read<WebhookDeliveries>(below("provisioning/webhooks", id, "/deliveries"), { ...query }, at),
      resend: (id: string, messageId: string, at?: CallOptions) =>
        post<z.infer<typeof DeliveryResent>>(
          below("provisioning/webhooks", id, `/deliveries/${encodeURIComponent(messageId)}/resend`),
          undefined,
          true,
          at,
        ),
    },
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
