import { useEffect, useState } from "preact/hooks";
import type * as z from "zod/mini";
import type { AgentList, AgentSummary } from "../../schema/agent.ts";
import { ApiError, ask, withQuery } from "./api.ts";

export interface Fleet {
  agents: AgentSummary[];
  /** Whether these are all that there are. */
  complete: boolean;
  error: ApiError | undefined;
  loading: boolean;
  again(): void;
}

const pageSize = 100;
/** Each agent costs the server several reads: further ones are not asked for by a page that is only looked at. */
const mostPages = 10;
const everyMs = 30_000;

/** Every agent with its quotas and what it has spent this month, a page of them a call. */
export function useFleet(): Fleet {
  const [state, setState] = useState<Omit<Fleet, "again">>({
    agents: [],
    complete: false,
    error: undefined,
    loading: true,
  });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const ended = new AbortController();
    const load = async () => {
      try {
        setState({ ...(await read(ended.signal)), error: undefined, loading: false });
      } catch (error) {
        if (ended.signal.aborted) return;
        const failure = error instanceof ApiError ? error : new ApiError(0, { detail: String(error) });
        setState((before) => ({ ...before, error: failure, loading: false }));
      }
    };
    void load();
    const timer = setInterval(() => document.visibilityState === "visible" && void load(), everyMs);
    return () => {
      ended.abort();
      clearInterval(timer);
    };
  }, [turn]);
  return { ...state, again: () => setTurn((before) => before + 1) };
}

async function read(signal: AbortSignal): Promise<Pick<Fleet, "agents" | "complete">> {
  const agents: AgentSummary[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < mostPages; page++) {
    const query = { limit: pageSize, include: "quotas,usage", cursor };
    const list = await ask<z.infer<typeof AgentList>>(withQuery("/agents", query), { signal });
    agents.push(...list.agents);
    cursor = list.nextCursor;
    if (cursor === undefined) return { agents, complete: true };
  }
  return { agents, complete: false };
}

export interface Spent {
  requests: number;
  tokens: number;
  usd: number;
  unpricedRequests: number;
}

/** What several agents have spent together. */
export function sumSpent(agents: readonly AgentSummary[]): Spent {
  const sum = { requests: 0, tokens: 0, usd: 0, unpricedRequests: 0 };
  for (const { usage } of agents) {
    if (!usage) continue;
    sum.requests += usage.requests;
    sum.tokens += usage.tokens;
    sum.usd += usage.usd;
    sum.unpricedRequests += usage.unpricedRequests;
  }
  return sum;
}

/** What this month will come to at the rate so far; `undefined` on its first day, which says too little. */
export function projected(sofar: number, now: number): number | undefined {
  const at = new Date(now);
  const begin = Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1);
  const end = Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1);
  const share = (now - begin) / (end - begin);
  return now - begin < 86_400_000 ? undefined : sofar / share;
}
