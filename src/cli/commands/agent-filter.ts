import type { Command } from "commander";
import type { AgentListQuery, Client } from "../../client/client.ts";
import type { AgentList } from "../../schema/agent.ts";
import { agentSorts, searchedStatuses } from "../../schema/agent-query.ts";
import { oneOf } from "../one-of.ts";
import { label, share } from "../option-values.ts";

const pageSize = 100;

export interface FilterOptions {
  search?: string;
  status?: string;
  provider?: string;
  model?: string;
  createdBy?: string;
  gateway?: string;
  label?: Record<string, string>;
  nearLimit?: number | true;
  sort?: string;
}

export const withFilter = (command: Command): Command =>
  command
    .option("--search <text>", "part of an id, a name, a model, an AI key's id or a binding")
    .option("--status <status>", `only ${searchedStatuses.join(", ")}`)
    .option("--provider <provider>", "only with an AI key or credentials of this AI provider")
    .option("--model <model>", "only of this model")
    .option("--created-by <key-id>", "only made by this provisioning key")
    .option("--gateway <id>", "only on this gateway")
    .option("--near-limit [share]", "only those that used 80 % of a quota, or this share of it", share)
    .option("--label <name=value>", "only with this label, as in tenant=acme (repeatable: all must match)", label);

/** As the API's queries take labels. */
export const labelQuery = (labels: Record<string, string> | undefined): string[] | undefined =>
  labels && Object.entries(labels).map(([name, value]) => `${name}:${value}`);

/**
 * The query of `GET /agents`: `--near-limit` without a share is 0.8.
 * @throws CommandFailure, with exit code 2, for a status or an order that there is none of
 */
export function filterOf(options: FilterOptions): AgentListQuery {
  const { search: q, provider, model, createdBy, gateway } = options;
  return {
    q,
    status: oneOf("--status", options.status, searchedStatuses),
    provider,
    model,
    createdBy,
    gateway,
    label: labelQuery(options.label),
    minShare: options.nearLimit === true ? 0.8 : options.nearLimit,
    sort: oneOf("--sort", options.sort, agentSorts),
  };
}

/** Every page up to `most` agents. */
export async function readAgents(
  client: Client,
  most: number,
  filter: AgentListQuery = {},
): Promise<Omit<AgentList, "nextCursor">> {
  const agents: AgentList["agents"] = [];
  const unreachable = new Set<string>();
  let total: number | undefined;
  if (most > 0) {
    for await (const page of client.agents.pages({ ...filter, limit: Math.min(most, pageSize) })) {
      agents.push(...page.agents);
      total = page.total;
      for (const gateway of page.unreachable ?? []) unreachable.add(gateway);
      if (agents.length >= most) break;
    }
  }
  return {
    agents: agents.slice(0, most),
    ...(total !== undefined && { total }),
    ...(unreachable.size > 0 ? { unreachable: [...unreachable] } : {}),
  };
}
