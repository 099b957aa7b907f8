import type { Command } from "commander";
import type { Client } from "../../client/client.ts";
import { ClientError } from "../../client/client-error.ts";
import { mapLimited } from "../../domain/map-limited.ts";
import type { AgentSummary } from "../../schema/agent.ts";
import type { Confinement } from "../../schema/agent-fields.ts";
import { refused, wrongUsage } from "../failure.ts";
import { leaf, type Tree } from "../leaf.ts";
import { atOnce } from "./adopt-agents.ts";
import { confinementOf } from "./agent-options.ts";

/** The abilities lost by an agent that could do all that OpenClaw lets it. */
const losses: Record<Confinement, string> = {
  workspace:
    "programs, files outside its workspace, the web, schedules, the gateway's settings, other agents' sessions, and every model but its own key's",
  sandbox:
    "programs and files outside its sandbox, the web, schedules, the gateway's settings, other agents' sessions, and every model but its own key's",
  trusted: "other agents' sessions, schedules, and every model but its own key's",
};

/** Agents that this service made; those of others are confined by name alone. */
async function managedAgents(client: Client): Promise<AgentSummary[]> {
  const agents: AgentSummary[] = [];
  for await (const agent of client.agents.all()) if (agent.managed) agents.push(agent);
  return agents;
}

/** `agents confine`: many changes are sent at the same time, and the exit code is 1 where any was refused. */
export function addConfineAgentsCommand(tree: Tree, group: Command): void {
  leaf<{ all?: true; confinement?: string }, [ids: string[]]>(tree, group, {
    name: "confine",
    description: "Hold agents on OpenClaw to their own models and tools",
    configure: (command) =>
      command
        .argument("[agent-ids...]", "as `agents list` shows them")
        .option("--all", "every agent that was made here; those that are confined already keep how")
        .option("--confinement <kind>", "workspace, sandbox or trusted (default: as it is, or workspace)"),
    run: async ({ options, out, withClient }, ids) => {
      if (ids.length > 0 === (options.all === true)) throw wrongUsage("give agents' ids, or --all");
      const { confinement: asked } = confinementOf(options);
      const done = await withClient("agents", async (client) => {
        const agents = options.all
          ? await managedAgents(client)
          : await mapLimited(ids, atOnce, (id) => client.agents.get(id));
        return await mapLimited(agents, atOnce, async ({ agentId, confinement: before }) => {
          const confinement = asked ?? before ?? "workspace";
          try {
            await client.agents.update(agentId, { confinement });
            return { agentId, before, confinement };
          } catch (error) {
            if (!(error instanceof ClientError)) throw error;
            return { agentId, before, error: error.detail };
          }
        });
      });
      if (options.json) out.json({ agents: done });
      else {
        for (const { agentId, before, confinement, error } of done) {
          if (error !== undefined) out.notice(`${agentId}: not confined: ${error}`);
          else if (before === confinement) out.line(`${agentId}: ${confinement}, as before; its models are its own.`);
          else out.line(`${agentId}: ${confinement}. It loses ${losses[confinement]}.`);
        }
      }
      const failed = done.filter(({ error }) => error !== undefined).length;
      if (failed > 0) throw refused(`${failed} of ${done.length} agents are not confined`);
    },
  });
}
