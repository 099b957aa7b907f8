import { ClientError } from "../client/client-error.ts";
import { mergePages } from "../domain/merge-pages.ts";
import type { AgentHost, HostAgent } from "../ports.ts";
import type { AgentSummary } from "../schema/agent.ts";
import { allMissing, allUnknown } from "./agent-checks.ts";
import type { Gateway } from "./gateway.ts";
import { requireAnswer } from "./gateway-problem.ts";
import type { Gateways } from "./gateways.ts";

/** The agents of all gateways, as far as these answer. */
export function readRemoteAgents(gateways: Gateways): Pick<AgentHost, "find" | "list" | "inspect"> {
  return {
    async inspect(agent) {
      await gateways.found();
      const gateway = gateways.find(agent);
      if (!gateway) return { reachable: false, ...allUnknown, detail: notConfigured(agent) };
      const found = await lookUp(gateway, agent.agentId);
      if (found === "silent") return { reachable: false, ...allUnknown, detail: "The gateway does not answer." };
      if (found === "absent") return { reachable: true, ...allMissing, detail: "The gateway has no such agent." };
      const { host, workspace, agentDir, credentials, detail } = found.health;
      return {
        reachable: host === "ok",
        workspace,
        agentDir,
        credentials,
        ...(found.status === "starting" && { starting: true }),
        ...(detail !== undefined && { detail }),
      };
    },

    async list({ cursor, limit }) {
      const pages = await Promise.all(
        (await gateways.found()).map(async (gateway) => ({
          gateway: gateway.id,
          page: await gateway.ask(async (client) => {
            const page = await client.agents.list({ cursor, limit });
            page.agents.forEach(requireAnswer);
            return page;
          }),
        })),
      );
      const answered = pages.map(({ gateway, page }) => ({
        items: (page?.agents ?? []).map((agent) => hostAgent(agent, gateway)),
        nextCursor: page?.nextCursor,
      }));
      const { items, ...more } = mergePages(answered, limit);
      return {
        agents: [...items],
        ...more,
        unreachable: pages.filter(({ page }) => !page).map(({ gateway }) => gateway),
      };
    },

    async find(agentId) {
      const agents: HostAgent[] = [];
      const unreachable: string[] = [];
      const all = await gateways.found();
      const answers = await Promise.all(all.map((gateway) => lookUp(gateway, agentId)));
      for (const [at, answer] of answers.entries()) {
        const { id } = all[at]!;
        if (answer === "silent") unreachable.push(id);
        else if (answer !== "absent") agents.push(hostAgent(answer, id));
      }
      return { agents, unreachable };
    },
  };
}

/** A read of what is on record is not refused for it. */
const notConfigured = ({ gateway }: HostAgent): string =>
  gateway === undefined ? "Which gateway it is on is not known." : `The gateway "${gateway}" is not configured.`;

const hostAgent = (agent: AgentSummary, gateway: string): HostAgent => ({
  agentId: agent.agentId,
  name: agent.name,
  workspace: agent.workspace,
  agentDir: agent.agentDir,
  model: agent.model,
  identity: agent.identity,
  bindings: agent.bindings,
  confinement: agent.confinement,
  tools: agent.tools,
  peers: agent.peers,
  gateway,
});

/** Asked for an agent that it does not have, a gateway has answered. */
const absent = (error: unknown): "absent" => {
  if (error instanceof ClientError && error.code === "agent_not_found") return "absent";
  throw error;
};

const lookUp = async (gateway: Gateway, agentId: string) =>
  (await gateway.ask(async (client) => await client.agents.get(agentId).then(requireAnswer).catch(absent))) ?? "silent";
