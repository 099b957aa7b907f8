import { Problem } from "../errors.ts";
import type { AgentHost, BindResult, HostAgent } from "../ports.ts";
import { allUnknown } from "./agent-checks.ts";
import { noGateway } from "./no-gateway.ts";
import { refuseHold } from "./refuse-hold.ts";
import { splitBindings } from "./split-bindings.ts";
import { parseWorkspaceText } from "./workspace-text.ts";

const nothing = { deleted: [], preserved: [] };

const noCredential = () =>
  new Problem(
    "credential_not_stored",
    "This deployment keeps records only, so there is nowhere to put a credential; configure it where the agent runs.",
  );

const absent = (agentId: string) =>
  new Problem("agent_not_found", `This deployment keeps records only, and knows no agent "${agentId}" of others.`);

/**
 * Records only: the service keeps what there is to know, and whoever runs the agents reads it from the API.
 * A workspace is noted as it was asked for, since the machine it is on is another.
 */
export function createRegistryHost(): AgentHost {
  const bind = async (agent: Pick<HostAgent, "bindings">, bindings: string[]): Promise<BindResult> =>
    splitBindings(agent.bindings, bindings);

  return {
    kind: "registry",
    storesCredentials: false,
    async plan({ workspace, gateway, ...hold }) {
      if (gateway !== undefined) throw noGateway(gateway);
      refuseHold(hold);
      if (workspace === undefined) return {};
      const { from, segments } = parseWorkspaceText(workspace);
      return { workspace: `${from === "home" ? "~" : ""}/${segments.join("/")}` };
    },
    async create(agent) {
      if (agent.credential) throw noCredential();
      return { workspaceCreated: false, bindings: await bind({ bindings: [] }, agent.bindings) };
    },
    remove: async () => nothing,
    // Others' agents are none that are known here.
    planAdoption: async ({ agent }) => {
      throw absent(agent.agentId);
    },
    adopt: async ({ agent }) => {
      throw absent(agent.agentId);
    },
    release: async () => undefined,
    setCredential: async () => {
      throw noCredential();
    },
    dropCredential: async () => undefined,
    bind,
    update: async (_, change) => refuseHold(change),
    inspect: async () => ({ reachable: true, ...allUnknown }),
    list: async () => ({ agents: [], unreachable: [] }),
    find: async () => ({ agents: [], unreachable: [] }),
    check: async () => undefined,
  };
}
