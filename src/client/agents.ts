import type { AdoptAgent, AgentAdopted, AgentReleased } from "../schema/adopt-agent.ts";
import type { AgentDetail, AgentList, AgentSummary } from "../schema/agent.ts";
import type { AgentQuery } from "../schema/agent-query.ts";
import type { AiKeyGiven, AiKeyTaken, GiveAiKey, IssuedAiKey, RotateAiKey } from "../schema/ai-key.ts";
import type { BulkChange, BulkChanged, BulkCreate, BulkCreated } from "../schema/bulk.ts";
import type { AgentDeleted, DeleteAgent, UpdateAgent } from "../schema/change-agent.ts";
import type { AgentCreated, CreateAgent } from "../schema/create-agent.ts";
import type { AgentOnboarded, OnboardAgent } from "../schema/onboard-agent.ts";
import type { AgentCredited, CreditAgent, Usage, UsageQuery } from "../schema/usage.ts";
import type { CallOptions, ChangeOptions } from "./call.ts";
import { type PageQuery, pagesOf } from "./pages.ts";
import { below, type IdempotentOptions, type Requests } from "./requests.ts";

/** How the answer to a create is waited for. */
export interface CreateOptions extends IdempotentOptions {
  /** Be answered at once (RFC 7240), with `status: "starting"`; `operationId` says where its end is told. */
  respondAsync?: boolean | undefined;
  /** With `respondAsync`: wait for so long until the agent is durable. */
  waitSeconds?: number | undefined;
}

/** The new key; its secret is in the first answer alone, where no host can store it or where it was asked for. */
export interface AiKeyRotated {
  agentId: string;
  aiKey: IssuedAiKey;
}

/** Without a filter and a sort, every agent is listed, those that others made included. */
export interface AgentListQuery extends PageQuery, Partial<Omit<AgentQuery, "limit" | "cursor">> {}

/**
 * Calls of `client.agents`. A creation is repeated under one idempotency key, so that a lost answer makes no second
 * agent.
 */
export function agentCalls({ call, read, post, postOnce }: Requests) {
  const listAgents = (query: AgentListQuery = {}, at?: CallOptions) => read<AgentList>("/agents", { ...query }, at);
  return {
    create: (body: CreateAgent, { respondAsync, waitSeconds, ...at }: CreateOptions = {}) => {
      const wait = waitSeconds === undefined ? "" : `, wait=${waitSeconds}`;
      return postOnce<AgentCreated>("/agents/create", body, at, respondAsync ? { prefer: `respond-async${wait}` } : {});
    },
    /** One page. */
    list: listAgents,
    /** Every page from `cursor` on, `limit` agents each. */
    pages: (query: AgentListQuery = {}, at?: CallOptions) => pagesOf((page) => listAgents(page, at), query),
    /** Every agent. */
    async *all(at?: CallOptions): AsyncGenerator<AgentSummary> {
      for await (const page of pagesOf((query) => listAgents(query, at), {})) yield* page.agents;
    },
    get: (agentId: string, at?: CallOptions) => read<AgentDetail>(below("agents", agentId), undefined, at),
    update: (agentId: string, body: UpdateAgent, at?: ChangeOptions) =>
      call<AgentDetail>({ method: "PATCH", path: below("agents", agentId), body, repeatable: true }, at),
    /** Not repeated after a lost answer: the repetition would say that there is no such agent. */
    delete: (agentId: string, body: DeleteAgent = {}, at?: ChangeOptions) =>
      call<AgentDeleted>({ method: "DELETE", path: below("agents", agentId), body, repeatable: false }, at),
    /** One change to as many as a hundred agents; each is refused by itself. */
    bulk: (body: BulkChange, at?: IdempotentOptions) => postOnce<BulkChanged>("/agents/bulk", body, at),
    /**
     * As many as five hundred, on a Worker fewer: its refusal says how many (`errors[].most`). Each is made or refused by
     * itself.
     */
    createMany: (body: Omit<BulkCreate, "action">, at?: IdempotentOptions) =>
      postOnce<BulkCreated>("/agents/bulk", { action: "create", ...body }, at),
    onboard: (agentId: string, body: OnboardAgent, at?: ChangeOptions) =>
      post<AgentOnboarded>(below("agents", agentId, "/onboard"), body, true, at),
    /** Takes over an agent that others made. */
    adopt: (agentId: string, body: AdoptAgent = {}, at?: IdempotentOptions) =>
      postOnce<AgentAdopted>(below("agents", agentId, "/adopt"), body, at),
    /** Gives an adopted agent back. Not repeated after a lost answer: the repetition would say that it is not adopted. */
    release: (agentId: string, at?: ChangeOptions) =>
      post<AgentReleased>(below("agents", agentId, "/release"), undefined, false, at),
    suspend: (agentId: string, at?: CallOptions) =>
      post<AgentDetail>(below("agents", agentId, "/suspend"), undefined, true, at),
    resume: (agentId: string, at?: CallOptions) =>
      post<AgentDetail>(below("agents", agentId, "/resume"), undefined, true, at),
    usage: (agentId: string, query: UsageQuery = {}, at?: CallOptions) =>
      read<Usage>(below("agents", agentId, "/usage"), query, at),
    /** A retry whose first answer was lost answers 0: an estimate is given back once. */
    credit: (agentId: string, body: CreditAgent, at?: CallOptions) =>
      post<AgentCredited>(below("agents", agentId, "/credit"), body, true, at),
    /** Gives an agent that has none its own AI key. A retry's answer has no secret: it is shown once. */
    addAiKey: (agentId: string, body: GiveAiKey, at?: IdempotentOptions) =>
      postOnce<AiKeyGiven>(below("agents", agentId, "/ai-key"), body, at),
    /** Moves the agent's AI key to another AI provider or account. */
    moveAiKey: (
      agentId: string,
      body: GiveAiKey,
      { idempotencyKey = crypto.randomUUID(), signal }: IdempotentOptions = {},
    ) =>
      call<AiKeyGiven>(
        {
          method: "PUT",
          path: below("agents", agentId, "/ai-key"),
          body,
          headers: { "idempotency-key": idempotencyKey },
          repeatable: true,
        },
        { signal },
      ),
    /** Not repeated after a lost answer: the repetition would say that there is no key. */
    removeAiKey: (agentId: string, at?: CallOptions) =>
      call<AiKeyTaken>({ method: "DELETE", path: below("agents", agentId, "/ai-key"), repeatable: false }, at),
    /** A retry whose first answer was lost has no secret in its answer: it is shown once. */
    rotateAiKey: (agentId: string, body: RotateAiKey = {}, at?: IdempotentOptions) =>
      postOnce<AiKeyRotated>(below("agents", agentId, "/ai-key/rotate"), body, at),
  };
}
